/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fs_*.c files share and nobody else needs: calls in the manner of system calls, -1 with
 * errno.
 */
#ifndef BERTH_BASE_FS_PATH_H
#define BERTH_BASE_FS_PATH_H

#include "base/fs.h"

#define FS_PATH_SIZE 1024 /* longer than any path of the store below its root */

int fs_open_raw(const struct fs_root *root, const char *path, int flags);
/* Opens the directory that path is in and points *base at its last component. */
int fs_parent_open(const struct fs_root *root, const char *path, const char **base);
void fs_dirty_parent(struct fs_dirty *dirty, const char *path);
bool fs_is_absent(int errnum);

#endif
