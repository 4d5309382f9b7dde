/* SPDX-License-Identifier: Apache-2.0
 * L0: the entries of an open directory. */
#include "base/dir_read.h"

#include <errno.h>
#include <sys/types.h>

void dir_read_start(struct dir_read *read, int fd)
{
    read->fd = fd;
    read->failed = 0;
    read->at = read->len = 0; /* the bytes are many, and come anyway */
}

const struct dirent64 *dir_read_next(struct dir_read *read)
{
    if (read->at == read->len) {
        ssize_t n = getdents64(read->fd, read->bytes, sizeof read->bytes);
        read->failed = n < 0 && errno != ENOENT ? errno : 0; /* ENOENT: it was removed meanwhile */
        read->at = 0;
        read->len = n < 0 ? 0 : (size_t)n;
        if (n <= 0)
            return NULL;
    }
    const struct dirent64 *entry = (const void *)(read->bytes + read->at);
    read->at += entry->d_reclen;
    return entry;
}
