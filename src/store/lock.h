/* SPDX-License-Identifier: Apache-2.0
 *
 * The locks of a store: open-file-description locks on files below _berth/lock/, which are never
 * unlinked; berth-store(5).
 */
#ifndef BERTH_STORE_LOCK_H
#define BERTH_STORE_LOCK_H

#include "base/fs_lock.h"
#include "store/store.h"

/* Locks, freed by AUTO_LOCK. Their order is: gc, repository, upload. An upload's lock is never
 * waited for, so it may be held already. ERR_BUSY once the store's lock timeout is over. */
struct lock {
    int fd;
};
#define AUTO_LOCK __attribute__((cleanup(lock_free))) struct lock
void lock_free(struct lock *lock);
/* Shared by all that publishes or links; exclusive for the collector's sweep. */
int lock_gc(const struct store *store, enum fs_lock kind, struct lock *lock, struct err *err);
/* For as long as a collector runs; nobody else takes it. 0: another one holds it. */
int lock_collector(const struct store *store, struct lock *lock, struct err *err);
/* Exclusive within window_ms, or 0: sharers held it for longer. Nobody is kept waiting beyond that.
 */
int lock_gc_sweep(const struct store *store, int window_ms, struct lock *lock, struct err *err);
/* Whether somebody waits for it who came after lock_gc_sweep. */
int lock_gc_wanted(const struct store *store, struct err *err);
/* For all that changes tags, revisions or referrers of a repository. Readers take none. */
int lock_repo(const struct store *store, const struct name *name, struct lock *lock,
              struct err *err);
/* How often the tags of the repositories of this lock were about to change, for whoever wants to
 * know under it whether what he saw before still holds. lock_repo_change: before one is set. */
int lock_repo_turn(const struct lock *lock, uint64_t *turn, struct err *err);
int lock_repo_change(const struct lock *lock, struct err *err);

#endif
