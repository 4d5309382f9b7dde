/* SPDX-License-Identifier: Apache-2.0
 *
 * A file without a name, written in two steps: it is made, and durable after dirty_sync; then it is
 * given its name, so that nobody waits for the disk where he wants others to see it, or holds a
 * lock. One that gets none is thrown away. Set to {0}.
 */
#ifndef BERTH_BASE_FS_NEW_H
#define BERTH_BASE_FS_NEW_H

#include "base/fs.h"

struct fs_new {
    const struct fs_root *root; /* NULL: there is none */
    char tmp[64];               /* where it is until then */
};
#define AUTO_FS_NEW __attribute__((cleanup(fs_new_drop))) struct fs_new

/* Both make it at tmp, with the mode of a file there, which it keeps; where it is made already they
 * do nothing. With the bytes, or with the first size bytes of an open file. */
int fs_new_write(const struct fs_root *root, const char *tmp, const void *bytes, size_t len,
                 struct fs_new *file, struct dirty *dirty, struct err *err);
int fs_new_copy(const struct fs_root *root, const char *tmp, int fd, int64_t size,
                struct fs_new *file, struct dirty *dirty, struct err *err);
/* Renames it over whatever stands there, making the directories of the path; then there is none
 * here any more. The name is durable after dirty_sync. */
int fs_new_place(struct fs_new *file, const char *path, struct dirty *dirty, struct err *err);
void fs_new_drop(struct fs_new *file);

#endif
