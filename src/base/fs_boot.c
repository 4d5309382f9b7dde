/* SPDX-License-Identifier: Apache-2.0
 * L0: how long unsynced bytes are kept. */
#include "base/fs_boot.h"

#include "base/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/vfs.h>

#define ZFS_SUPER_MAGIC 0x2fc12fc1 /* is in no header of Linux */

bool fs_boot_is_local(int fd)
{
    static const uint32_t local[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC,
                                     F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, ZFS_SUPER_MAGIC,
                                     TMPFS_MAGIC};
    struct statfs st;

    if (fstatfs(fd, &st) < 0)
        return false;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if ((uint32_t)st.f_type == local[i])
            return true;
    return false;
}

bool fs_boot_is_memory(int fd)
{
    struct statfs st;

    return fstatfs(fd, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

int fs_boot(const struct fs_root *root, char id[UUID_SIZE])
{
    if (!fs_boot_is_local(root->fd))
        return 0;
    AUTO_FD fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || file_pread_all(fd, id, UUID_SIZE - 1, 0, NULL) < 0)
        return 0;
    id[UUID_SIZE - 1] = '\0';
    return uuid_valid(id, UUID_SIZE - 1);
}
