/* SPDX-License-Identifier: Apache-2.0
 * L0: fsync of several files at once. */
#include "base/fsyncs.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#define STACK_BYTES ((size_t)64 << 10)

struct waiting {
    int fd;
    int errnum;
    bool is_thread;
    pthread_t thread;
};

static void *wait_for_one(void *context)
{
    struct waiting *waiting = context;

    waiting->errnum = file_sync(waiting->fd) < 0 ? errno : 0;
    return NULL;
}

/* Signals are for those who know what to do with them. */
static void start(struct waiting *waiting, size_t n)
{
    pthread_attr_t attr;
    sigset_t all, before;

    if (pthread_attr_init(&attr) != 0)
        return;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < n; i++)
        waiting[i].is_thread =
            pthread_create(&waiting[i].thread, &attr, wait_for_one, &waiting[i]) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
}

int fsyncs_wait(const int *fd, size_t n, bool at_once)
{
    struct waiting waiting[FSYNCS_MAX];
    int errnum = 0;

    for (size_t i = 0; i < n; i++) {
        waiting[i] = (struct waiting){.fd = fd[i]};
        if (at_once && n > 1) /* so that all are in the same transaction; fsync tells of errors */
            sync_file_range(fd[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    if (at_once && n > 1)
        start(waiting + 1, n - 1);
    for (size_t i = 0; i < n; i++)
        if (!waiting[i].is_thread)
            wait_for_one(&waiting[i]);
    for (size_t i = 0; i < n; i++) {
        if (waiting[i].is_thread)
            pthread_join(waiting[i].thread, NULL);
        errnum = errnum ? errnum : waiting[i].errnum;
    }
    errno = errnum;
    return errnum ? -1 : 0;
}
