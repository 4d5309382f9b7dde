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

/* What was read already, for when the same is asked again. {0} at first. */
struct immutable {
    struct digest_map seen;
    bool incomplete; /* something was missing that may come */
};
#define AUTO_IMMUTABLE __attribute__((cleanup(immutable_free))) struct immutable
void immutable_free(struct immutable *immutable);

/* ERR_DENIED if a tag that the rules say keeps what it needs (registry_rules.keeps) needs this;
 * what the tag itself points at is not asked for. ERR_STORAGE: there can be such tags, and the
 * storage shows late what other hosts did. Reads each manifest that such tags reach once:
 * ask before the repository's lock is taken, and again, which is quick then, under it. */
int immutable_check(struct immutable *immutable, const struct registry *registry,
                    const struct name *name, const struct digest *digest, struct err *err);

#endif
