/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a path below a root, for the files of base that know roots and nobody else: calls in
 * the manner of system calls, -1 with errno.
 */
#ifndef BERTH_BASE_FS_PATH_H
#define BERTH_BASE_FS_PATH_H

#include <stdbool.h>

struct fs_root;

#define FS_PATH_SIZE 1024 /* longer than any path of the store below its root */

int fs_path_open(const struct fs_root *root, const char *path, int flags);
/* Opens the directory that path is in and points *base at its last component. */
int fs_path_parent(const struct fs_root *root, const char *path, const char **base);
bool fs_path_is_absent(int errnum);

/* For tests: go the way of a kernel without openat2(2). */
void fs_path_force_walk(bool force);

#endif
