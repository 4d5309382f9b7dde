/* SPDX-License-Identifier: Apache-2.0
 * L2: what is known of kinds of file systems. */
#include "storage/storage_kind.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* How a file system is to be mounted so that its caches keep nothing back. */
static const struct kind {
    const char *type; /* as the kernel names it */
    bool local;       /* of one host alone */
    const char *remedy;
} kinds[] = {
    {"fuse.glusterfs", false,
     "gluster volume set VOLUME performance.quick-read off\n"
     "gluster volume set VOLUME performance.stat-prefetch off\n"
     "gluster volume set VOLUME performance.io-cache off\n"
     "gluster volume set VOLUME performance.read-ahead off\n"
     "gluster volume set VOLUME performance.open-behind off\n"
     "mount -t glusterfs -o entry-timeout=0,attribute-timeout=0,negative-timeout=0 SERVER:/VOLUME "
     "DIR"},
    {"nfs4", false, "mount -t nfs4 -o vers=4.2,hard,actimeo=0,lookupcache=none SERVER:/EXPORT DIR"},
    {"nfs", false,
     "use NFS 4: mount -t nfs4 -o vers=4.2,hard,actimeo=0,lookupcache=none SERVER:/EXPORT DIR"},
    {"ceph", false,
     "CephFS keeps caches right by itself: look for other clocks, and for a mount with nolock or "
     "lazyio"},
    {"fuse.ceph", false, "CephFS keeps caches right by itself: mount it with the kernel's client"},
    {"cifs", false, "SMB is not fit for this: take NFS 4, CephFS or GlusterFS"},
    {"smb3", false, "SMB is not fit for this: take NFS 4, CephFS or GlusterFS"},
    {"ext2", true, NULL},
    {"ext3", true, NULL},
    {"ext4", true, NULL},
    {"xfs", true, NULL},
    {"btrfs", true, NULL},
    {"zfs", true, NULL},
    {"f2fs", true, NULL},
    {"bcachefs", true, NULL},
    {"tmpfs", true, NULL},
    {"ramfs", true, NULL},
    {"overlay", true, NULL},
    {"vfat", true, NULL},
    {"exfat", true, NULL},
    {"ntfs3", true, NULL},
};

static const struct kind unknown_kind = {
    "", false, "mount it so that clients keep no names, no attributes and no data in their caches"};

static const struct kind *kind_of(const char *mount)
{
    size_t len = strcspn(mount, " ");

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].type) == len && !strncmp(kinds[i].type, mount, len))
            return &kinds[i];
    return &unknown_kind;
}

const char *storage_kind_local(const char *mount)
{
    const struct kind *kind = kind_of(mount);

    return kind->local ? kind->type : NULL;
}

const char *storage_kind_remedy(const char *mount)
{
    return kind_of(mount)->remedy;
}
