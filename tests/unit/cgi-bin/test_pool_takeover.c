/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/pool.c: the process that waits to take the parent's place. */
#include "unit/cgi-bin/fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2

static void start(struct fixture *f)
{
    f->takeover = true;
    fixture_start(f, WORKERS, WORKERS, LONG_MS);
    assert_comes(fixture_workers(f) == WORKERS && fixture_standby(f));
}

/* What is asked for from now on is about the one that was waiting. */
static void kill_parent(struct fixture *f)
{
    pid_t parent = f->pid;
    int status;

    f->pid = fixture_standby(f);
    assert_true(f->pid > 0);
    kill(parent, SIGKILL);
    assert_int_equal(parent, waitpid(parent, &status, 0));
}

static void test_it_takes_the_place_of_a_killed_parent_and_so_does_the_next(void **state)
{
    struct fixture *f = *state;

    start(f);
    for (int i = 1; i < 4; i++) {
        int held = fixture_hold(f);
        kill_parent(f);
        assert_comes(fixture_workers(f) == WORKERS && fixture_standby(f));
        assert_true(fixture_ask(held)); /* a worker of the killed one, which finishes its work */
        close(held);
        close(fixture_hold(f));
        assert_int_equal(i, fixture_times_logged(f, "takes its place"));
        assert_int_equal(i, fixture_times_logged(f, "\n"));
    }
    assert_int_equal(0, fixture_stop(f));
}

/* As where the parent is killed before any worker is ready. */
static void test_it_does_so_without_workers(void **state)
{
    struct fixture *f = *state;

    f->takeover = true;
    atomic_store(&fixture_shared->mode, CANNOT_START);
    fixture_start(f, WORKERS, WORKERS, LONG_MS);
    assert_comes(fixture_starts() >= WORKERS && fixture_workers(f) == 0 && fixture_standby(f));
    kill_parent(f);
    atomic_store(&fixture_shared->mode, SERVE);
    assert_comes(fixture_workers(f) == WORKERS);
    close(fixture_hold(f));
    assert_int_equal(0, fixture_stop(f));
}

/* It goes also by what is sent to all processes of a service, which is to stop. */
static void test_it_goes_when_the_pool_does(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    struct fixture *f = *state;

    for (size_t i = 0; i < LENGTH_OF(numbers); i++) {
        start(f);
        pid_t standby = fixture_standby(f);
        kill(standby, numbers[i]);
        assert_comes(fixture_standby(f) && fixture_standby(f) != standby);
        kill(f->pid, numbers[i]);
        assert_int_equal(0, fixture_await_end(f));
    }
    assert_int_equal(0, fixture_times_logged(f, "\n"));
}

/* Whoever has stopped it does not make the pool wait. */
static void test_a_stopped_one_holds_up_no_reload_and_no_end(void **state)
{
    struct fixture *f = *state;

    start(f);
    pid_t standby = fixture_standby(f);
    kill(standby, SIGSTOP);
    kill(f->pid, SIGHUP);
    assert_comes(fixture_standby(f) && fixture_standby(f) != standby);
    kill(fixture_standby(f), SIGSTOP);
    assert_int_equal(0, fixture_stop(f));
}

static void test_a_killed_one_is_replaced(void **state)
{
    struct fixture *f = *state;

    start(f);
    pid_t standby = fixture_standby(f);
    kill(standby, SIGHUP); /* is none of its business */
    kill(standby, SIGKILL);
    assert_comes(fixture_standby(f) && fixture_standby(f) != standby);
    kill_parent(f);
    close(fixture_hold(f));
    assert_comes(fixture_workers(f) == WORKERS && fixture_standby(f));
    assert_int_equal(0, fixture_stop(f));
}

/* Though nothing else happens that would wake the parent. */
static void test_one_that_could_not_be_forked_comes_later(void **state)
{
    struct fixture *f = *state;

    start(f);
    atomic_store(&fixture_shared->fork_fails, 1);
    kill(fixture_standby(f), SIGKILL);
    assert_comes(fixture_times_logged(f, "error: fork: Resource temporarily unavailable") == 1);
    atomic_store(&fixture_shared->fork_fails, 0);
    assert_comes(fixture_standby(f));
    assert_int_equal(WORKERS, fixture_starts());
    assert_int_equal(0, fixture_stop(f));
    assert_int_equal(1, fixture_times_logged(f, "\n"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        POOL_TEST(test_it_takes_the_place_of_a_killed_parent_and_so_does_the_next),
        POOL_TEST(test_it_does_so_without_workers),
        POOL_TEST(test_it_goes_when_the_pool_does),
        POOL_TEST(test_a_stopped_one_holds_up_no_reload_and_no_end),
        POOL_TEST(test_a_killed_one_is_replaced),
        POOL_TEST(test_one_that_could_not_be_forked_comes_later),
    };

    return RUN(tests);
}
