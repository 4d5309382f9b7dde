/* SPDX-License-Identifier: Apache-2.0
 *
 * What was written and not synced is kept by the kernel for as long as it runs: whoever finds the
 * same run again finds the same bytes, whatever became of the process that wrote them.
 */
#ifndef BERTH_BASE_FS_BOOT_H
#define BERTH_BASE_FS_BOOT_H

#include "base/fs.h"
#include "base/uuid.h"

#include <stdbool.h>

/* Whether fd is on a file system that is known to be this machine's alone. */
bool fs_boot_is_local(int fd);
/* Whether it has no disk, so that no sync waits. */
bool fs_boot_is_memory(int fd);
/* Which run of this machine's kernel it is, where the root is on a file system that only this
 * machine keeps. 0: it is not known to be, or nobody says; a file server comes up again alone. */
int fs_boot(const struct fs_root *root, char id[UUID_SIZE]);

#endif
