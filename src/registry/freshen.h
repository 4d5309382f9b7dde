/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the collector away from what somebody is about to rely on (gc/gc.h): it removes only
 * what is older than its grace, and all that is renewed here is younger than half of it.
 *
 * Whoever gives a manifest a new name (a tag, an index, its revision's link) freshens with
 * freshen_manifest all that it needs, under the lock under which he makes the name. So what a
 * young name reaches is young enough, however old the marks are by which a collector is sweeping.
 */
#ifndef BERTH_REGISTRY_FRESHEN_H
#define BERTH_REGISTRY_FRESHEN_H

#include "registry/registry.h"

/* A blob that the repository has, and its link. 0: it does not have it. Wants lock_gc shared. */
int freshen_blob(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct err *err);
/* A manifest that the repository has, and all that it needs and that is there. What it needs cannot
 * be known of one that is damaged; the collector keeps all that its repository has. Wants lock_gc
 * shared. */
int freshen_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *digest, struct err *err);

/* The same for a HEAD by somebody who may push: what he is told to be there shall stay for long
 * enough that a push can rely on it. 0: it has just gone. They take the lock, if there is
 * something to renew. */
int freshen_promise_blob(const struct registry *registry, const struct name *name,
                         const struct digest *digest, struct err *err);
int freshen_promise_manifest(const struct registry *registry, const struct name *name,
                             const struct digest *digest, struct err *err);

#endif
