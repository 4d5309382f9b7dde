/* SPDX-License-Identifier: Apache-2.0
 * L0: files that are made before they get their names. */
#include "base/fs_new.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define COPY_BYTES 65536

int fs_new_write(const struct fs_root *root, const char *tmp, const void *bytes, size_t len,
                 struct fs_new *file, struct dirty *dirty, struct err *err)
{
    if (file->root)
        return 0;
    snprintf(file->tmp, sizeof file->tmp, "%s", tmp);
    if (fs_make(root, file->tmp, file->tmp, bytes, len, dirty, err) < 0)
        return -1;
    file->root = root;
    return 0;
}

static int copy_bytes(int from, int to, int64_t size, struct err *err)
{
    AUTO_BUF piece = BUF_INIT;
    char *bytes = buf_reserve(&piece, COPY_BYTES);

    for (int64_t off = 0; off < size;) {
        size_t len = size - off < COPY_BYTES ? (size_t)(size - off) : COPY_BYTES;
        if (file_pread_all(from, bytes, len, off, err) < 0 ||
            file_pwrite_all(to, bytes, len, off, err) < 0)
            return -1;
        off += (int64_t)len;
    }
    return 0;
}

int fs_new_copy(const struct fs_root *root, const char *tmp, int fd, int64_t size,
                struct fs_new *file, struct dirty *dirty, struct err *err)
{
    AUTO_FD copy = -1;

    if (file->root)
        return 0;
    snprintf(file->tmp, sizeof file->tmp, "%s", tmp);
    int made = fs_open(root, file->tmp, O_WRONLY | O_CREAT | O_EXCL, &copy, err);
    if (made <= 0)
        return made < 0 ? -1 : err_sys(err, ENOENT, "create %s", tmp);
    file->root = root; /* from now on it is thrown away */
    if (copy_bytes(fd, copy, size, err) < 0)
        return -1;
    return dirty_add_file(root, dirty, &copy, err);
}

int fs_new_place(struct fs_new *file, const char *path, struct dirty *dirty, struct err *err)
{
    int named = fs_put(file->root, file->tmp, path, dirty, err);

    if (named > 0)
        file->root = NULL;
    return named > 0 ? 0 : named < 0 ? -1 : err_set(err, ERR_IO, "%s vanished", file->tmp);
}

void fs_new_drop(struct fs_new *file)
{
    AUTO_DIRTY unneeded = {0};

    if (file->root)
        fs_unlink(file->root, file->tmp, &unneeded, NULL);
    file->root = NULL;
}
