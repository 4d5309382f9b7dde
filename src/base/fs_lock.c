/* SPDX-License-Identifier: Apache-2.0
 * L0: the lock primitive, open-file-description locks. */
#include "base/fs_lock.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define LOCK_PAUSE_MAX_MS 8

static int set(int fd, short type, off_t at, off_t len, struct err *err)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len};

    while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EACCES)
            return 0;
        return err_sys(err, errno, "lock");
    }
    return 1;
}

int fs_lock_try(int fd, enum fs_lock kind, struct err *err)
{
    return set(fd, kind == FS_LOCK_SHARED ? F_RDLCK : F_WRLCK, 0, 0, err);
}

int fs_lock_range(int fd, off_t at, off_t len, struct err *err)
{
    return set(fd, F_WRLCK, at, len, err);
}

int fs_lock_release(int fd, off_t at, off_t len, struct err *err)
{
    return set(fd, F_UNLCK, at, len, err) < 0 ? -1 : 0;
}

int fs_lock_is_held(int fd, off_t at, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

    while (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        if (errno != EINTR)
            return err_sys(err, errno, "ask for a lock");
    return lock.l_type != F_UNLCK;
}

int fs_lock_wait_as(int fd, enum fs_lock kind, const char *name, int timeout_ms, struct err *err)
{
    TIMED(TIMING_LOCK, name);
    int64_t deadline = clock_ms() + timeout_ms;
    long pause_ms = 1;

    for (;;) {
        int locked = fs_lock_try(fd, kind, err);
        if (locked || clock_ms() >= deadline)
            return locked;
        struct timespec pause = {.tv_nsec = pause_ms * 1000000};
        nanosleep(&pause, NULL);
        pause_ms = pause_ms * 2 > LOCK_PAUSE_MAX_MS ? LOCK_PAUSE_MAX_MS : pause_ms * 2;
    }
}

int fs_lock_wait(int fd, enum fs_lock kind, int timeout_ms, struct err *err)
{
    return fs_lock_wait_as(fd, kind, NULL, timeout_ms, err);
}

void fs_lock_close(int *fd)
{
    if (*fd >= 0)
        set(*fd, F_UNLCK, 0, 0, NULL); /* else it is free once the kernel has closed it */
    file_close(fd);
}
