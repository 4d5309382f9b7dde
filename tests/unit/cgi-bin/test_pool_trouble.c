/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/pool.c: workers that die, and such as cannot be started. */
#include "unit/cgi-bin/fixture.h"

#include <unistd.h>

static void test_killed_workers_are_replaced(void **state)
{
    struct fixture *f = *state;
    pid_t before[8];
    int held[3];

    fixture_start(f, 2, 8, 100);
    for (int i = 0; i < 3; i++)
        held[i] = fixture_hold(f);
    assert_comes(fixture_workers(f) == 5);
    int n = fixture_list(f, before, 8);
    for (int i = 0; i < n; i++)
        kill(before[i], SIGKILL);
    for (int i = 0; i < 3; i++)
        assert_false(fixture_ask(held[i]));
    fixture_let_go(held, 3);
    assert_comes(fixture_workers(f) ==
                 2); /* nothing is left of what the dead wrote onto the board */
    for (int i = 0; i < 3; i++)
        held[i] = fixture_hold(f);
    assert_comes(fixture_workers(f) == 5);
    fixture_let_go(held, 3);
    assert_comes(fixture_workers(f) == 2);
}

/* It crashed after a while: that is no trouble, and another is there at once. */
static void test_a_request_that_crashes(void **state)
{
    struct fixture *f = *state;

    fixture_start(f, 1, 1, 100);
    close(fixture_hold(f));
    fixture_sleep(1100); /* it is no longer young */
    int crashing = fixture_dial(f);
    assert_int_equal(1, write(crashing, "x", 1));
    assert_false(fixture_ask(crashing));
    close(crashing);
    close(fixture_hold(f));
    assert_int_equal(2, fixture_starts());
    assert_int_equal(0, fixture_stop(f));
    assert_int_equal(1, fixture_times_logged(f, ": killed by signal 9\n"));
    assert_int_equal(1, fixture_times_logged(f, "\n"));
}

static int64_t started_at(int start)
{
    return atomic_load(&fixture_shared->started_at[start]);
}

/* The first `at_once` came together, the others one by one in pauses that grew. */
static void assert_pauses(int at_once)
{
    int64_t pause = 100;

    for (int i = at_once; i < fixture_starts() && pause < 1000; i++, pause *= 2)
        assert_true(started_at(i) - started_at(i == at_once ? 0 : i - 1) >= pause);
}

/* Not a fork storm, and not a line for each. */
static void test_27_workers_that_cannot_start_say_why_once(void **state)
{
    struct fixture *f = *state;
    static const char why[] = "error: workers cannot start: /x: this cannot be read";

    atomic_store(&fixture_shared->mode, CANNOT_START);
    fixture_start(f, 4, 8, LONG_MS);
    assert_comes(fixture_starts() >= 9);
    assert_pauses(4);
    assert_int_equal(1, fixture_times_logged(f, why));
    assert_int_equal(1, fixture_times_logged(f, "\n"));
    /* Nobody will come: the server is not kept waiting. */
    int refused = fixture_dial(f);
    char byte;
    assert_int_equal(0, read(refused, &byte, 1));
    close(refused);
    /* Then somebody makes it readable. */
    atomic_store(&fixture_shared->mode, SERVE);
    assert_comes(fixture_workers(f) == 4);
    close(fixture_hold(f));
    assert_int_equal(1, fixture_times_logged(f, "warning: workers start again"));
    assert_int_equal(2, fixture_times_logged(f, "\n"));
    /* What comes later is said again. */
    pid_t pids[4];
    assert_int_equal(4, fixture_list(f, pids, 4));
    atomic_store(&fixture_shared->mode, CANNOT_START);
    kill(pids[0], SIGKILL);
    assert_comes(fixture_times_logged(f, why) == 2);
    close(fixture_hold(f)); /* the others go on */
}

static void test_27_crashes_at_the_start_are_said_once(void **state)
{
    struct fixture *f = *state;

    atomic_store(&fixture_shared->mode, DIES_BEFORE);
    fixture_start(f, 2, 4, LONG_MS);
    assert_comes(fixture_starts() >= 6);
    assert_pauses(2);
    assert_int_equal(1, fixture_times_logged(f, "error: workers cannot start: killed by signal 9"));
    assert_int_equal(1, fixture_times_logged(f, "\n"));
}

static void test_27_crashes_soon_after_it_are_said_once(void **state)
{
    struct fixture *f = *state;

    atomic_store(&fixture_shared->mode, DIES_READY);
    fixture_start(f, 2, 4, LONG_MS);
    assert_comes(fixture_starts() >= 6);
    assert_pauses(2);
    assert_int_equal(1, fixture_times_logged(f, "error: a worker ended at once: exited with 3"));
    assert_int_equal(1, fixture_times_logged(f, "\n"));
}

/* Those that there are go on, and are more as soon as that is possible. */
static void test_a_fork_that_fails(void **state)
{
    struct fixture *f = *state;
    int held[3];

    fixture_start(f, 2, 8, LONG_MS);
    assert_comes(fixture_workers(f) == 2);
    atomic_store(&fixture_shared->fork_fails, 1);
    held[0] = fixture_hold(f);
    held[1] = fixture_hold(f);
    assert_comes(fixture_times_logged(f, "error: fork: Resource temporarily unavailable") == 1);
    fixture_sleep(1000);
    assert_int_equal(1, fixture_times_logged(f, "\n"));
    assert_int_equal(2, fixture_workers(f));
    assert_true(fixture_ask(held[0]));
    atomic_store(&fixture_shared->fork_fails, 0);
    held[2] = fixture_hold(f);
    assert_comes(fixture_workers(f) == 5);
    assert_int_equal(1, fixture_times_logged(f, "warning: workers start again"));
    fixture_let_go(held, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        POOL_TEST(test_killed_workers_are_replaced),
        POOL_TEST(test_a_request_that_crashes),
        POOL_TEST(test_27_workers_that_cannot_start_say_why_once),
        POOL_TEST(test_27_crashes_at_the_start_are_said_once),
        POOL_TEST(test_27_crashes_soon_after_it_are_said_once),
        POOL_TEST(test_a_fork_that_fails),
    };

    return RUN(tests);
}
