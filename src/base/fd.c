/* SPDX-License-Identifier: Apache-2.0
 * L0: open descriptors: closing, reading and writing whole ranges. */
#include "base/fd.h"

#include "base/amount.h"

#include <errno.h>
#include <sys/stat.h>
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

int fd_read(int fd, size_t limit, struct buf *out, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "stat");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "it cannot be read: it is no plain file");
    size_t size = (size_t)st.st_size;
    if (size > limit) {
        char most[AMOUNT_TEXT];
        amount_size(most, (int64_t)limit);
        return err_set(err, ERR_IO, "it has %zu bytes, more than %s", size, most);
    }
    if (fd_pread_all(fd, buf_reserve(out, size), size, 0, err) < 0)
        return -1;
    out->len += size;
    out->s[out->len] = '\0';
    return 0;
}
