/* SPDX-License-Identifier: Apache-2.0
 * L0: directories whose entries changed, until they are on disk. */
#include "base/dirty.h"

#include "base/array.h"
#include "base/file.h"
#include "base/fs.h"
#include "base/fs_path.h"
#include "base/fs_settle.h"
#include "base/fsyncs.h"
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

int dirty_add_file(const struct fs_root *root, struct dirty *dirty, int *fd, struct err *err)
{
    if (root->durable && dirty->n_files < DIRTY_FILES_MAX) {
        *ARRAY_ADD(dirty->file, dirty->n_files) = *fd;
        *fd = -1;
        return 0;
    }
    int synced = fs_sync_file(root, *fd, err);
    file_close(fd);
    return synced;
}

void dirty_free(struct dirty *dirty)
{
    for (size_t i = 0; i < dirty->n_files; i++)
        file_close(&dirty->file[i]);
    free(dirty->file);
    for (size_t i = 0; i < dirty->n; i++)
        free(dirty->path[i]);
    free(dirty->path);
    free(dirty->placed);
    *dirty = (struct dirty){0};
}

/* Open, until they are synced. */
struct batch {
    int fd[FSYNCS_MAX];
    const char *path[FSYNCS_MAX]; /* NULL: of a file, which has no name */
    size_t n;
};

static int sync_batch(const struct fs_root *root, struct batch *batch, struct err *err)
{
    int synced = fsyncs_wait(batch->fd, batch->n, root->at_once);
    int errnum = errno;

    for (size_t i = 0; i < batch->n; i++)
        file_close(&batch->fd[i]);
    const char *first = batch->n ? batch->path[0] : NULL;
    batch->n = 0;
    return synced < 0 ? err_sys(err, errnum, "fsync %s", first ? first : "a file") : 0;
}

static int add_to_batch(const struct fs_root *root, struct batch *batch, int fd, const char *path,
                        struct err *err)
{
    batch->path[batch->n] = path;
    batch->fd[batch->n++] = fd;
    return batch->n == FSYNCS_MAX ? sync_batch(root, batch, err) : 0;
}

static int sync_all(const struct fs_root *root, struct dirty *dirty, struct batch *batch,
                    struct err *err)
{
    for (size_t i = 0; i < dirty->n_files; i++) {
        int fd = dirty->file[i];
        dirty->file[i] = -1;
        if (add_to_batch(root, batch, fd, NULL, err) < 0)
            return -1;
    }
    for (size_t i = 0; root->durable && !dirty->too_many && i < dirty->n; i++) {
        int fd = fs_path_open(root, dirty->path[i], O_RDONLY | O_DIRECTORY);
        if (fd < 0 && fs_path_is_absent(errno))
            continue;
        if (fd < 0)
            return err_sys(err, errno, "open the directory %s", dirty->path[i]);
        if (add_to_batch(root, batch, fd, dirty->path[i], err) < 0)
            return -1;
    }
    return 0;
}

int dirty_sync(const struct fs_root *root, struct dirty *dirty, struct err *err)
{
    struct batch batch = {.n = 0};

    if (dirty->too_many && fs_sync_all(root, err) < 0)
        return -1;
    int result = sync_all(root, dirty, &batch, err);
    if (sync_batch(root, &batch, result < 0 ? NULL : err) < 0 || result < 0)
        return -1;
    fs_settle_keep(dirty);
    dirty_free(dirty);
    return 0;
}
