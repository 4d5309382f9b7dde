/* SPDX-License-Identifier: Apache-2.0
 *
 * A pool in a process of its own, whose workers hold a connection until their client says more, and
 * clients that do.
 */
#ifndef BERTH_UNIT_CGI_BIN_POOL_FIXTURE_H
#define BERTH_UNIT_CGI_BIN_POOL_FIXTURE_H

#include "unit/unit.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/un.h>

#define PATIENCE_MS 30000
#define LONG_MS 100000000 /* longer than any test */
#define STARTS_MAX 64

enum fixture_mode { SERVE, CANNOT_START, DIES_BEFORE, DIES_READY };

/* Shared by the test, the pool and its workers. */
extern struct fixture_shared {
    atomic_int mode; /* what a worker does that starts now */
    atomic_int fork_fails;
    atomic_int reload_fails;
    atomic_int starts;
    atomic_llong started_at[STARTS_MAX]; /* clock_ms */
} * fixture_shared;

struct fixture {
    struct unit_dir *dir;
    struct sockaddr_un address;
    int listener;
    bool takeover; /* of a pool that is started now */
    pid_t pid;     /* 0: it does not run */
};
int fixture_setup(void **state);
int fixture_teardown(void **state); /* also while the pool runs and clients hold workers */
#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* idle_ms as of pool.h. Its log is the file `log`. */
void fixture_start(struct fixture *f, int min, int max, int idle_ms);
/* Its wait status, once it and all that it started are gone. */
int fixture_await_end(struct fixture *f);
int fixture_stop(struct fixture *f); /* by SIGTERM; then the same */

/* Its workers, of which the first n are written to pids; how many there are. */
int fixture_list(const struct fixture *f, pid_t *pids, int n);
int fixture_workers(const struct fixture *f);
pid_t fixture_standby(const struct fixture *f); /* 0: there is none */
int fixture_starts(void);                       /* so far */
int fixture_times_logged(const struct fixture *f, const char *text);

/* A client: connected; whether it is answered, or the connection was closed; one that holds a
 * worker, which has begun with it; many that go away. */
int fixture_dial(const struct fixture *f);
bool fixture_ask(int fd);
int fixture_hold(const struct fixture *f);
void fixture_let_go(const int *held, int n);

void fixture_sleep(long ms);

/* Waits until that is true. */
#define assert_comes(condition)                                                                    \
    do {                                                                                           \
        int64_t deadline_ = clock_ms() + PATIENCE_MS;                                              \
        while (!(condition)) {                                                                     \
            if (clock_ms() > deadline_)                                                            \
                fail_msg("does not come to pass: %s", #condition);                                 \
            fixture_sleep(2);                                                                      \
        }                                                                                          \
    } while (0)

#endif
