/* SPDX-License-Identifier: Apache-2.0
 * base/fsyncs.c: several syncs, of which none may fail unseen. */
#include "unit/unit.h"

#include "base/fsyncs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { FIRST_FD = 1000 }; /* they are numbers here */

static atomic_int synced[FSYNCS_MAX], entered, disturbed;
static int failing = -1;  /* which of them does */
static int together;      /* none returns before so many are in it */
static int threads_left;  /* that can be had */
static pthread_t starter; /* of them */

int __wrap_file_sync(int fd);
int __wrap_file_sync(int fd)
{
    sigset_t mask;

    synced[fd - FIRST_FD]++;
    entered++;
    while (entered < together)
        usleep(100);
    if (!pthread_equal(starter, pthread_self())) {
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        disturbed += !sigismember(&mask, SIGTERM); /* which is for the one who waits */
    }
    if (fd - FIRST_FD == failing) {
        errno = EIO;
        return -1;
    }
    errno = 0;
    return 0;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *context)
{
    if (threads_left == 0)
        return EAGAIN;
    threads_left--;
    return __real_pthread_create(thread, attr, run, context);
}

static int sync_some(size_t n, bool at_once)
{
    int fd[FSYNCS_MAX];

    starter = pthread_self();
    entered = 0;
    for (size_t i = 0; i < FSYNCS_MAX; i++) {
        fd[i] = FIRST_FD + (int)i;
        synced[i] = 0;
    }
    int result = fsyncs_wait(fd, n, at_once);
    for (size_t i = 0; i < FSYNCS_MAX; i++)
        assert_int_equal(i < n, synced[i]);
    assert_int_equal(0, disturbed);
    return result;
}

/* However many threads there are, each is synced once, and the error of any is told. */
static void test_each_once_and_each_error(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 5, FSYNCS_MAX};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(sizes); i++)
        for (int threads = 0; threads < 4; threads++)
            for (failing = -1; failing < (int)sizes[i]; failing++) {
                threads_left = threads == 3 ? FSYNCS_MAX : threads;
                int result = sync_some(sizes[i], threads > 0);
                assert_int_equal(failing < 0 ? 0 : -1, result);
                if (result < 0)
                    assert_int_equal(EIO, errno);
            }
    failing = -1;
}

/* Else each would wait for the disk by itself. */
static void test_all_wait_at_the_same_time(void **state)
{
    (void)state;
    together = FSYNCS_MAX;
    threads_left = FSYNCS_MAX;
    assert_int_equal(0, sync_some(FSYNCS_MAX, true));
    assert_int_equal(1, threads_left); /* the caller waits for one himself */
    together = 0;
    threads_left = 0;
    assert_int_equal(0, sync_some(FSYNCS_MAX, false));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once_and_each_error),
        cmocka_unit_test(test_all_wait_at_the_same_time),
    };

    return RUN(tests);
}
