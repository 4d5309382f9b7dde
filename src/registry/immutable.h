/* SPDX-License-Identifier: Apache-2.0
 *
 * What immutable tags need: the manifests of an index and theirs, configurations and layers, but
 * not what refers to them, such as signatures. Without it the tag would stay, and what it stands
 * for not.
 */
#ifndef BERTH_REGISTRY_IMMUTABLE_H
#define BERTH_REGISTRY_IMMUTABLE_H

#include "oci/digest_map.h"
#include "registry/registry.h"
#include "store/lock.h"

/* What was read already, for when the same is asked again. {0} at first. */
struct immutable {
    struct digest_map seen;
    struct digest_packed *missing; /* manifests that may still come, where it may be sparse */
    size_t n_missing;
    uint64_t turn; /* of the repository's lock, before the last look */
};
#define AUTO_IMMUTABLE __attribute__((cleanup(immutable_free))) struct immutable
void immutable_free(struct immutable *immutable);

/* ERR_DENIED if a tag that the rules say keeps what it needs (registry_rules.keeps) needs this;
 * what the tag itself points at is not asked for. ERR_STORAGE: there can be such tags, and the
 * storage shows late what other hosts did. Looks at all tags, and reads each manifest that such
 * tags reach once. */
int immutable_look(struct immutable *immutable, const struct registry *registry,
                   const struct name *name, const struct digest *digest, struct err *err);

/* The same before lock_repo is taken, which it takes for a moment itself. immutable_holds: whether
 * that still counts, under lock_repo: 0: tags may have been set since, or what was missing has
 * come.
 */
int immutable_check(struct immutable *immutable, const struct registry *registry,
                    const struct name *name, const struct digest *digest, struct err *err);
int immutable_holds(const struct immutable *immutable, const struct registry *registry,
                    const struct name *name, const struct lock *repo, struct err *err);

#endif
