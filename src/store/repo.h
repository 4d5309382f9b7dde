/* SPDX-License-Identifier: Apache-2.0
 *
 * Repositories: which blobs and manifests each has, and the list of them all.
 */
#ifndef BERTH_STORE_REPO_H
#define BERTH_STORE_REPO_H

#include "base/strings.h"
#include "store/store.h"

/* Makes the directories by which CNCF Distribution 2.x (_layers) and 3.x (_manifests) know a
 * repository. */
int repo_create(const struct store *store, const struct name *name, struct dirty *dirty,
                struct err *err);
int repo_exists(const struct store *store, const struct name *name, struct err *err);
/* Whether it holds a manifest; one that does not is not in the catalog. */
int repo_has_manifests(const struct store *store, const struct name *name, struct err *err);

/* Layers and configurations. Linking wants lock_gc shared, and the blob durable. */
int repo_has_layer(const struct store *store, const struct name *name, const struct digest *digest,
                   struct err *err);
int repo_link_layer(const struct store *store, const struct name *name, const struct digest *digest,
                    struct dirty *dirty, struct err *err);
int repo_unlink_layer(const struct store *store, const struct name *name,
                      const struct digest *digest, struct dirty *dirty, struct err *err);

/* What has to be synced for a link to be durable, or its absence, as fs_settle. */
int repo_settle_layer(const struct store *store, const struct name *name,
                      const struct digest *digest, struct dirty *dirty, struct err *err);
int repo_settle_revision(const struct store *store, const struct name *name,
                         const struct digest *digest, struct dirty *dirty, struct err *err);
/* As store_freshen and store_is_stale, of the link. */
int repo_layer_is_stale(const struct store *store, const struct name *name,
                        const struct digest *digest, struct err *err);
int repo_revision_is_stale(const struct store *store, const struct name *name,
                           const struct digest *digest, struct err *err);
int repo_freshen_layer(const struct store *store, const struct name *name,
                       const struct digest *digest, struct err *err);
int repo_freshen_revision(const struct store *store, const struct name *name,
                          const struct digest *digest, struct err *err);
/* Lets a manifest's grace begin anew, when a tag leaves it or comes to it, and makes it another for
 * repo_stamp_revision. 0: the repository has no such manifest. */
int repo_touch_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct err *err);

/* Makes the time durable that repo_freshen_layer or repo_freshen_revision has renewed. */
int repo_sync_layer(const struct store *store, const struct name *name, const struct digest *digest,
                    struct err *err);
int repo_sync_revision(const struct store *store, const struct name *name,
                       const struct digest *digest, struct err *err);

/* Manifests. Changes want lock_gc shared and lock_repo. */
int repo_has_revision(const struct store *store, const struct name *name,
                      const struct digest *digest, struct err *err);
/* When it was pushed last, or, if that was later, lost a tag or became part of an index: in
 * nanoseconds since 1970. */
int repo_revision_time(const struct store *store, const struct name *name,
                       const struct digest *digest, int64_t *when, struct err *err);
/* Which link of a manifest this is. Each push of it, and each tag that is set to it, makes a new
 * one; a look that renews its time (repo_freshen_revision) makes it another, too. */
struct repo_stamp {
    uint64_t ino;
    int64_t when;
};
int repo_stamp_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct repo_stamp *stamp, struct err *err);
int repo_link_revision(const struct store *store, const struct name *name,
                       const struct digest *digest, struct dirty *dirty, struct err *err);
/* Both with a link that is ready. */
int repo_place_layer(const struct store *store, const struct name *name,
                     const struct digest *digest, struct fs_new *link, struct dirty *dirty,
                     struct err *err);
int repo_place_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct fs_new *link, struct dirty *dirty,
                        struct err *err);
int repo_unlink_revision(const struct store *store, const struct name *name,
                         const struct digest *digest, struct dirty *dirty, struct err *err);
/* Their digests' hex, of one algorithm. */
int repo_list_revisions(const struct store *store, const struct name *name,
                        enum digest_algorithm algorithm, struct strings *hex, struct err *err);

/* Visits all its manifests with repo_revision_time, in no order, until visit returns other than 0
 * (1: enough, -1: failed). Directories that other programs left behind are none. */
typedef int repo_visit_manifest_fn(void *context, const struct digest *digest, int64_t when,
                                   struct err *err);
int repo_each_manifest(const struct store *store, const struct name *name,
                       repo_visit_manifest_fn *visit, void *context, struct err *err);

/* Visits the digests of all its layers, configurations and manifests, in no order, some twice,
 * until visit returns other than 0 (1: enough, -1: failed). Memory stays the same for many. */
typedef int repo_visit_digest_fn(void *context, const struct digest *digest, struct err *err);
int repo_each_digest(const struct store *store, const struct name *name,
                     repo_visit_digest_fn *visit, void *context, struct err *err);

/* Visits all repositories that exist behind `after` (NULL: from the start) until visit returns
 * other than 0 (1: enough, -1: failed). The order is Distribution's, by components: a, a/b, a-b. */
typedef int repo_visit_fn(void *context, const struct name *name, struct err *err);
int repo_walk(const struct store *store, const char *after, repo_visit_fn *visit, void *context,
              struct err *err);
/* The same for whoever will want about n of them: it opens no directory of those that lie before
 * `after`, and of those behind it few more than it visits. Not for several threads. */
int repo_walk_page(const struct store *store, const char *after, size_t n, repo_visit_fn *visit,
                   void *context, struct err *err);
/* The same in no order, for whoever stops after a few: of each directory no more names than this
 * are read, whichever come first. */
int repo_walk_some(const struct store *store, size_t most, repo_visit_fn *visit, void *context,
                   struct err *err);
/* The same for whoever must not miss one: odd is told the path of each directory and symbolic link
 * that is passed over, because its name is none of a repository or part of it; what it returns
 * counts as visit's does. Repositories that have only uploads are visited, too. */
typedef int repo_odd_fn(void *context, const char *path, struct err *err);
int repo_walk_all(const struct store *store, repo_visit_fn *visit, repo_odd_fn *odd, void *context,
                  struct err *err);
/* The same for every directory that a repository could be in, such as one in which there is only an
 * upload so far. */
int repo_walk_directories(const struct store *store, repo_visit_fn *visit, void *context,
                          struct err *err);

#endif
