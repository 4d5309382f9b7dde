/* SPDX-License-Identifier: Apache-2.0
 * L0: open files, and whole ones that users name. */
#include "base/file.h"

#include "base/amount.h"
#include "base/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void file_close_from(int first)
{
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
        return;
    for (int fd = first; fd < 1024; fd++)
        close(fd);
}

int file_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err)
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

int file_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err)
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

int file_absolute(const char *path, struct buf *out, struct err *err)
{
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);

    if (path[0] != '/' && !here)
        return err_sys(err, errno, "the working directory");
    buf_addf(out, "%s%s%s", here ? here : "", here ? "/" : "", path);
    free(here);
    return 0;
}

int file_sync(int fd)
{
    TIMED(TIMING_SYNC, NULL);
    int result;

    while ((result = fsync(fd)) < 0 && errno == EINTR)
        ;
    return result;
}

int file_read_open(int fd, size_t limit, struct buf *out, struct err *err)
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
    if (file_pread_all(fd, buf_reserve(out, size), size, 0, err) < 0)
        return -1;
    out->len += size;
    out->s[out->len] = '\0';
    return 0;
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *err)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0)
        return file_read_open(fd, limit, out, err);
    int errnum = errno;
    err_set(err, ERR_IO, "%s", strerror(errnum));
    if (err)
        err->sys = errnum;
    return -1;
}

/* A path in two, and the name under which the file is written, beside the one that it gets: hidden,
 * as a directory of keys is read by anybody at any time. */
struct place {
    struct buf directory;
    const char *base;
    struct buf draft; /* whole path */
};

static void place_free(struct place *place)
{
    buf_free(&place->directory);
    buf_free(&place->draft);
}

static struct place place_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct place place = {.base = slash ? slash + 1 : path};

    buf_add(&place.directory, slash ? path : "./", slash ? (size_t)(slash + 1 - path) : 2);
    buf_addf(&place.draft, "%s.%.200s.XXXXXX", place.directory.s, place.base);
    return place;
}

/* The call itself may be forbidden to a service, where there is nothing to change either. */
static int set_owner(int fd, uid_t uid, gid_t gid)
{
    return uid == (uid_t)-1 && gid == (gid_t)-1 ? 0 : fchown(fd, uid, gid);
}

static int fill(int fd, const struct stat *like, const void *bytes, size_t len, struct err *err)
{
    if (file_pwrite_all(fd, bytes, len, 0, err) < 0)
        return -1;
    if (set_owner(fd, like->st_uid, like->st_gid) < 0 || fchmod(fd, like->st_mode & 07777) < 0 ||
        file_sync(fd) < 0)
        return err_sys(err, errno, "it cannot be written");
    return 0;
}

/* Gives the draft its name, and makes that durable. */
static int publish(const struct place *place, bool is_new, struct err *err)
{
    AUTO_FD dir = open(place->directory.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *draft = place->draft.s + place->directory.len;

    if (dir < 0)
        return err_sys(err, errno, "open its directory");
    if (is_new ? linkat(dir, draft, dir, place->base, 0) < 0
               : renameat(dir, draft, dir, place->base) < 0)
        return err_sys(err, errno, "it cannot be made");
    return file_sync(dir) < 0 ? err_sys(err, errno, "fsync its directory") : 0;
}

static int write_whole(const char *path, bool is_new, const struct stat *like, const void *bytes,
                       size_t len, struct err *err)
{
    struct place place = place_of(path);
    AUTO_FD fd = mkostemp(place.draft.s, O_CLOEXEC);
    int result = fd < 0 ? err_sys(err, errno, "it cannot be made") : 0;

    if (result == 0 && (fill(fd, like, bytes, len, err) < 0 || publish(&place, is_new, err) < 0))
        result = -1;
    if (fd >= 0 && (result < 0 || is_new))
        unlink(place.draft.s);
    place_free(&place);
    return result;
}

int file_create(const char *path, mode_t mode, gid_t group, const void *bytes, size_t len,
                struct err *err)
{
    const struct stat like = {.st_mode = mode, .st_uid = (uid_t)-1, .st_gid = group};

    return write_whole(path, true, &like, bytes, len, err);
}

int file_replace(const char *path, const struct stat *like, const void *bytes, size_t len,
                 struct err *err)
{
    return write_whole(path, false, like, bytes, len, err);
}
