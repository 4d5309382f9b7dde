/* SPDX-License-Identifier: Apache-2.0
 *
 * The tags of a manifest that goes, for remove.c. They are searched for without a lock; each is
 * looked at again under lock_gc shared and lock_repo, which are held for a few milliseconds at a
 * time. What they were is durable then, and also what others took away or moved that pointed at the
 * manifest. A tag that is set to it meanwhile may have been missed: repo_stamp_revision tells.
 */
#ifndef BERTH_REGISTRY_REMOVE_TAGS_H
#define BERTH_REGISTRY_REMOVE_TAGS_H

#include "base/strings.h"
#include "registry/registry.h"

/* Whether the rules let the tag go, or be moved: DENIED. */
int remove_tags_check(const struct registry *registry, const struct name *name,
                      const struct tag *tag, struct err *err);

/* All that point at the digest, or, if one of them has to stay, none: DENIED. Their names are
 * appended to *removed (may be NULL). */
int remove_tags_of(const struct registry *registry, const struct name *name,
                   const struct digest *digest, struct strings *removed, struct err *err);

/* One that was taken away: after its lock, makes that durable, tells it, and empties the trash.
 * digest NULL: what it pointed at is not known. */
int remove_tags_taken(const struct registry *registry, const struct name *name,
                      const struct tag *tag, const struct digest *digest, struct strings *trash,
                      struct dirty *dirty, struct err *err);

#endif
