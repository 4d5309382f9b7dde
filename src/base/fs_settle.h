/* SPDX-License-Identifier: Apache-2.0
 *
 * Whoever builds on what another made has to make it durable first: that one may not have synced it
 * yet, or was killed before. What got its place, or lost its last entry, this long ago was written
 * back by the kernel in the meantime, in seconds; berth-store(5) says which mount options exclude
 * that. It is told by the birth of directories, the ctime of files, and the ctime of the directory
 * that they are in, and by a clock that may be another host's. A thread knows what it has made
 * durable itself, and leaves that alone.
 */
#ifndef BERTH_BASE_FS_SETTLE_H
#define BERTH_BASE_FS_SETTLE_H

#include "base/fs.h"

#define FS_SETTLE_YOUNG_S 120

/* Adds to dirty what has to be synced for the path to be durable, its young ancestors too; or,
 * where it is not there, for that to be so. 1: it is there, 0: not. */
int fs_settle(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err);
/* The same for all that is, or is no longer, directly in the directory. */
int fs_settle_entries(const struct fs_root *root, const char *path, struct dirty *dirty,
                      struct err *err);

/* For base alone: the same where it does not matter that something is not there. */
int fs_settle_ancestors(const struct fs_root *root, const char *path, struct dirty *dirty,
                        struct err *err);
/* Notes in the set what was made and need not be synced again once the set is; then keeps all of it
 * in mind. */
void fs_settle_note(const struct fs_root *root, const char *path, struct dirty *dirty);
void fs_settle_keep(const struct dirty *dirty);
/* Makes durable a root that was opened at path, as far as it is young. */
int fs_settle_root(const struct fs_root *root, const char *path, struct err *err);

#endif
