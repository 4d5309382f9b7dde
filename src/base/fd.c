/* SPDX-License-Identifier: Apache-2.0
 * L0: open descriptors: closing, reading and writing whole ranges. */
#include "base/fd.h"

#include <errno.h>
#include <unistd.h>

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int fd_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err)
{
    char *p = bytes;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "read");
        if (n == 0)
            return err_set(err, ERR_IO, "read: the file ended %zu bytes too early", len);
        p += n;
        off += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "write");
        p += n;
        off += n;
        len -= (size_t)n;
    }
    return 0;
}
