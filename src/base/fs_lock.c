/* SPDX-License-Identifier: Apache-2.0
 * L0: the lock primitive, open-file-description locks. */
#include "base/fs_lock.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/fs_boot.h"
#include "base/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_PAUSE_MAX_MS 8

/* The signal comes again, should it have come just before the call that it is to end. */
#define WAKE_AGAIN_MS 10

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

static int try_again_until(int fd, enum fs_lock kind, int64_t deadline, struct err *err)
{
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

static void on_wake(int number)
{
    (void)number;
}

static void catch_wake(void)
{
    const struct sigaction action = {.sa_handler = on_wake}; /* no SA_RESTART: it ends the call */

    sigaction(SIGRTMIN, &action, NULL);
}

/* Sends the signal to this thread when the time is over. */
static bool start_timer(timer_t *timer, int timeout_ms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const pid_t thread = gettid();
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
    const struct itimerspec when = {
        .it_value = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000},
        .it_interval = {.tv_nsec = WAKE_AGAIN_MS * 1000000},
    };

    pthread_once(&once, catch_wake);
    /* glibc before 2.38 has no name for it: it is where a function would be. */
    memcpy((char *)&event + offsetof(struct sigevent, sigev_notify_function), &thread,
           sizeof thread);
    if (timer_create(CLOCK_MONOTONIC, &event, timer) < 0)
        return false;
    if (timer_settime(*timer, 0, &when, NULL) == 0)
        return true;
    timer_delete(*timer);
    return false;
}

static int block_until(int fd, enum fs_lock kind, int64_t deadline, struct err *err)
{
    struct flock lock = {.l_type = kind == FS_LOCK_SHARED ? F_RDLCK : F_WRLCK,
                         .l_whence = SEEK_SET};

    while (fcntl(fd, F_OFD_SETLKW, &lock) < 0) {
        if (errno != EINTR)
            return err_sys(err, errno, "wait for a lock");
        if (clock_ms() >= deadline)
            return 0;
    }
    return 1;
}

int fs_lock_wait_as(int fd, enum fs_lock kind, const char *name, int timeout_ms, struct err *err)
{
    TIMED(TIMING_LOCK, name);
    const int64_t deadline = clock_ms() + timeout_ms;
    sigset_t wake, before;
    timer_t timer;

    int locked = fs_lock_try(fd, kind, err);
    if (locked || timeout_ms <= 0)
        return locked;
    if (!fs_boot_is_local(fd) || !start_timer(&timer, timeout_ms))
        return try_again_until(fd, kind, deadline, err);
    sigemptyset(&wake);
    sigaddset(&wake, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &wake, &before);
    locked = block_until(fd, kind, deadline, err);
    timer_delete(timer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return locked;
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
