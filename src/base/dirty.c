/* SPDX-License-Identifier: Apache-2.0
 * L0: directories whose entries changed, until they are on disk. */
#include "base/dirty.h"

#include "base/array.h"
#include "base/file.h"
#include "base/fs.h"
#include "base/fs_path.h"
#include "base/fs_settle.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void dirty_add(struct dirty *dirty, const char *dir)
{
    if (dirty->too_many)
        return;
    for (size_t i = 0; i < dirty->n; i++)
        if (!strcmp(dirty->path[i], dir))
            return;
    dirty->too_many = dirty->n == DIRTY_MAX;
    if (!dirty->too_many)
        *ARRAY_ADD(dirty->path, dirty->n) = mem_strdup(dir);
}

void dirty_add_parent(struct dirty *dirty, const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[FS_PATH_SIZE];
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash) {
        dirty_add(dirty, ".");
    } else if (len < sizeof dir) {
        memcpy(dir, path, len);
        dir[len] = '\0';
        dirty_add(dirty, dir);
    }
}

void dirty_free(struct dirty *dirty)
{
    for (size_t i = 0; i < dirty->n; i++)
        free(dirty->path[i]);
    free(dirty->path);
    free(dirty->placed);
    *dirty = (struct dirty){0};
}

int dirty_sync(const struct fs_root *root, struct dirty *dirty, struct err *err)
{
    if (dirty->too_many && fs_sync_all(root, err) < 0)
        return -1;
    for (size_t i = 0; root->durable && !dirty->too_many && i < dirty->n; i++) {
        AUTO_FD fd = fs_path_open(root, dirty->path[i], O_RDONLY | O_DIRECTORY);
        if (fd < 0 && fs_path_is_absent(errno))
            continue;
        if (fd < 0 || file_sync(fd) < 0)
            return err_sys(err, errno, "fsync directory %s", dirty->path[i]);
    }
    fs_settle_keep(dirty);
    dirty_free(dirty);
    return 0;
}
