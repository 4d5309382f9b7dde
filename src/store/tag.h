/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags: movable names for manifests of one repository. Changes want lock_gc shared and lock_repo;
 * readers take no lock and see the old or the new digest.
 */
#ifndef BERTH_STORE_TAG_H
#define BERTH_STORE_TAG_H

#include "base/names.h"
#include "base/strings.h"
#include "oci/tag.h"
#include "store/store.h"

/* What the tag points at. ERR_IO: its link is damaged, as a crash of Distribution can leave it. */
int tag_get(const struct store *store, const struct name *name, const struct tag *tag,
            struct digest *digest, struct err *err);
/* When it was set last, in nanoseconds since 1970. */
int tag_time(const struct store *store, const struct name *name, const struct tag *tag,
             int64_t *when, struct err *err);
/* The same where the directory of the repository's tags is held open. */
int tag_get_in(const struct fs_root *tags, const struct tag *tag, struct digest *digest,
               struct err *err);
/* Setting a tag takes two steps with a barrier between: the index of all that it ever pointed at,
 * which Distribution reads, then the tag itself. Whoever sets one has linked its manifest, or
 * touched that link, under the same lock: whoever removes the manifest knows by it that there may
 * be a tag that he has not seen (repo_stamp_revision). */
int tag_add_index(const struct store *store, const struct name *name, const struct tag *tag,
                  const struct digest *digest, struct dirty *dirty, struct err *err);
int tag_set(const struct store *store, const struct name *name, const struct tag *tag,
            const struct digest *digest, struct dirty *dirty, struct err *err);
/* Both with a link that is ready, so that nobody waits for the disk under the lock. The first makes
 * the directory for the second, so that the tag's own is synced once. */
int tag_place_index(const struct name *name, const struct tag *tag, const struct digest *digest,
                    struct fs_new *link, struct dirty *dirty, struct err *err);
int tag_place(const struct name *name, const struct tag *tag, struct fs_new *link,
              struct dirty *dirty, struct err *err);
/* Moves the tag alone away, whole and at once; what is then in trash is to be taken apart without a
 * lock (trash.h). 0: there is none. */
int tag_take(const struct store *store, const struct name *name, const struct tag *tag,
             struct strings *trash, struct dirty *dirty, struct err *err);
/* What has to be synced for all tags of a repository to be as they are seen now, as fs_settle:
 * before something goes that one of them may have pointed at. */
int tag_settle_all(const struct store *store, const struct name *name, struct dirty *dirty,
                   struct err *err);
int tag_settle(const struct store *store, const struct name *name, const struct tag *tag,
               struct dirty *dirty, struct err *err);
int tag_settle_index(const struct store *store, const struct name *name, const struct tag *tag,
                     const struct digest *digest, struct dirty *dirty, struct err *err);
/* All tags in byte order; of very many, tag_names takes a fifth of the memory. 0: the repository
 * has no tags. */
int tag_names(const struct store *store, const struct name *name, struct names *names,
              struct err *err);
int tag_list(const struct store *store, const struct name *name, struct strings *tags,
             struct err *err);
/* Whether it points at the digest. A tag whose link is damaged points at nothing; one that cannot
 * be read is an error. */
int tag_points_at(const struct store *store, const struct name *name, const struct tag *tag,
                  const struct digest *digest, struct err *err);
/* Those that do; digest NULL: none. dirty (NULL: nobody wants to know): as tag_settle_all, of what
 * was seen. */
int tag_list_of(const struct store *store, const struct name *name, const struct digest *digest,
                struct names *tags, struct dirty *dirty, struct err *err);
/* The first n of those behind `after` (NULL: from the start). *more: there are others behind them.
 * It reads the names of all, but looks at no more tags than that takes. */
int tag_page(const struct store *store, const struct name *name, const char *after, size_t n,
             struct strings *page, bool *more, struct err *err);

#endif
