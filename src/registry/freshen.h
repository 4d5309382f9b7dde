/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the collector away from what somebody is about to rely on (gc/gc.h): it removes only
 * what is older than its grace, and all that is renewed here is younger than half of it.
 *
 * Whoever gives a manifest a new name (a tag, an index, its revision's link) freshens with
 * freshen_manifest or freshen_references all that it needs, under the lock under which he makes the
 * name. So what a young name reaches is young enough, however old the marks are by which a
 * collector is sweeping.
 */
#ifndef BERTH_REGISTRY_FRESHEN_H
#define BERTH_REGISTRY_FRESHEN_H

#include "oci/manifest.h"
#include "registry/registry.h"

/* A blob that the repository has, and its link. 0: it does not have it. Wants lock_gc shared. */
int freshen_blob(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct err *err);
/* A manifest that the repository has, and all that it needs and that is there. What it needs cannot
 * be known of one that is damaged; the collector keeps all that its repository has. Wants lock_gc
 * shared. */
int freshen_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *digest, struct err *err);

/* All that a manifest names which is about to be made, and what that needs, each once; what it
 * names is durable once dirty was synced (base/fs_settle.h), before which it must not be made.
 * *missing says what the repository does not have of it, but for what is elsewhere (`urls`), and
 * unless it is sparse: MANIFEST_BLOB_UNKNOWN. MANIFEST_INVALID: far too much is to be read, or, of
 * one that is_new to the store, what is there has another size than it says, or it is nested deeper
 * than MANIFEST_NESTING_MAX. Wants lock_gc shared, until the manifest has its name. */
#define FRESHEN_MISSING_MAX 16
struct freshen_missing {
    struct digest v[FRESHEN_MISSING_MAX];
    size_t n; /* if it is the most that fits, there may be more */
};
int freshen_references(const struct registry *registry, const struct name *name,
                       const struct manifest *manifest, bool is_new, struct dirty *dirty,
                       struct freshen_missing *missing, struct err *err);

/* Whether what it names is still there, asked after that and quick: somebody may have deleted it
 * meanwhile, who saw no tag that needs it (registry/immutable.h). *missing and errors as above.
 * Wants lock_repo, until the manifest has its name. */
int freshen_check(const struct registry *registry, const struct name *name,
                  const struct manifest *manifest, struct freshen_missing *missing,
                  struct err *err);

/* Freshens for a HEAD by somebody who may push: what he is told to be there shall stay for long
 * enough that a push can rely on it, also after a power cut. 0: it has just gone. They take the
 * lock, if there is something to renew. */
int freshen_promise_blob(const struct registry *registry, const struct name *name,
                         const struct digest *digest, struct err *err);
int freshen_promise_manifest(const struct registry *registry, const struct name *name,
                             const struct digest *digest, struct err *err);

#endif
