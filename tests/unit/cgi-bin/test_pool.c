/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/pool.c: how many workers there are, and its end. */
#include "unit/cgi-bin/fixture.h"

#include "pool.h"

#include <sys/wait.h>
#include <unistd.h>

/* --- how many there are --- */

static void test_the_least_at_rest(void **state)
{
    struct fixture *f = *state;

    fixture_start(f, 3, 8, 100);
    assert_comes(fixture_workers(f) == 3 && fixture_starts() == 3);
    fixture_sleep(500);
    assert_int_equal(3, fixture_workers(f));
    assert_int_equal(3, fixture_starts());
    assert_int_equal(0, fixture_stop(f));
    assert_int_equal(0, fixture_times_logged(f, "\n"));
}

/* The next client finds an idle one, and so does the one after it, while others hold theirs. */
static void test_grows_before_the_last_idle_one_is_taken(void **state)
{
    struct fixture *f = *state;
    int held[8];

    fixture_start(f, 2, 8, LONG_MS);
    assert_comes(fixture_workers(f) == 2);
    for (int i = 0; i < 8; i++) {
        held[i] = fixture_hold(f);
        int expected = i + 3 < 8 ? i + 3 : 8;
        assert_comes(fixture_workers(f) == expected && fixture_starts() == expected);
    }
    fixture_let_go(held, 8);
}

static void test_one_for_each(void **state)
{
    struct fixture *f = *state;
    int held[3];

    fixture_start(f, 1, 3, LONG_MS);
    for (int i = 0; i < 3; i++)
        held[i] = fixture_hold(f);
    assert_int_equal(3, fixture_workers(f));
    fixture_let_go(held, 3);
}

/* The others wait, and nothing more is started for them. */
static void test_never_more_than_the_most(void **state)
{
    struct fixture *f = *state;
    int held[3], waiting[9];

    fixture_start(f, 1, 3, LONG_MS);
    for (int i = 0; i < 3; i++)
        held[i] = fixture_hold(f);
    for (int i = 0; i < 9; i++)
        waiting[i] = fixture_dial(f);
    fixture_sleep(300);
    assert_int_equal(3, fixture_workers(f));
    assert_int_equal(3, fixture_starts());
    fixture_let_go(held, 3);
    for (int i = 0; i < 9; i++) {
        assert_true(fixture_ask(waiting[i]));
        close(waiting[i]);
    }
    assert_int_equal(3, fixture_starts());
}

static void test_a_fixed_number(void **state)
{
    struct fixture *f = *state;
    int held[4];

    fixture_start(f, 4, 4, 100);
    for (int i = 0; i < 4; i++)
        held[i] = fixture_hold(f);
    fixture_let_go(held, 4);
    fixture_sleep(400);
    assert_int_equal(4, fixture_workers(f));
    assert_int_equal(4, fixture_starts()); /* all of which had begun, to hold one each */
}

/* --- letting go --- */

static void test_those_that_are_idle_for_long_go(void **state)
{
    struct fixture *f = *state;
    int held[6];

    fixture_start(f, 2, 8, 600);
    for (int i = 0; i < 6; i++)
        held[i] = fixture_hold(f);
    assert_comes(fixture_workers(f) == 8);
    int64_t released = clock_ms();
    fixture_let_go(held, 6);
    int64_t passed;
    do { /* before its time none goes, but of those that were never taken */
        int all = fixture_workers(f);
        passed = clock_ms() - released;
        assert_true(all >= 6 || passed >= 600);
    } while (passed < 600);
    assert_comes(fixture_workers(f) == 2);
    fixture_sleep(300);
    assert_int_equal(2, fixture_workers(f));
    int started = fixture_starts();
    int again = fixture_hold(f);
    assert_comes(fixture_workers(f) == 3 && fixture_starts() == started + 1);
    close(again);
    assert_int_equal(0, fixture_stop(f));
    assert_int_equal(0, fixture_times_logged(f, "\n"));
}

static void test_busy_ones_stay(void **state)
{
    struct fixture *f = *state;
    int held[8];

    fixture_start(f, 2, 8, 200);
    for (int i = 0; i < 8; i++)
        held[i] = fixture_hold(f);
    fixture_let_go(held + 2, 6);
    assert_comes(fixture_workers(f) == 4); /* two that are busy, and two for the next */
    fixture_sleep(500);
    assert_int_equal(4, fixture_workers(f));
    assert_true(fixture_ask(held[0]) && fixture_ask(held[1]));
    fixture_let_go(held, 2);
    assert_comes(fixture_workers(f) == 2);
}

/* Requests that come one after the other keep one worker busy, not all in turn. */
static void test_a_light_load_keeps_few(void **state)
{
    struct fixture *f = *state;
    int held[8];

    fixture_start(f, 2, 8, 400);
    for (int i = 0; i < 8; i++)
        held[i] = fixture_hold(f);
    fixture_let_go(held, 8);
    int64_t deadline = clock_ms() + PATIENCE_MS;
    while (fixture_workers(f) > 3) {
        assert_true(clock_ms() < deadline);
        close(fixture_hold(f));
        fixture_sleep(5);
    }
}

/* --- the end --- */

static const int stop_signals[] = {SIGTERM, SIGINT, SIGUSR1};

static void test_signals_let_requests_be_finished(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < LENGTH_OF(stop_signals); i++) {
        fixture_start(f, 2, 8, LONG_MS);
        int held = fixture_hold(f);
        assert_comes(fixture_workers(f) == 3);
        kill(f->pid, stop_signals[i]);
        assert_comes(fixture_workers(f) == 1);
        fixture_sleep(50);
        assert_true(fixture_ask(held));
        close(held);
        assert_int_equal(0, fixture_await_end(f));
    }
    assert_int_equal(0, fixture_times_logged(f, "\n"));
}

/* All are new, but for one who has something to finish first. */
static void test_a_reload_replaces_workers(void **state)
{
    struct fixture *f = *state;
    pid_t before[3], after[3];

    fixture_start(f, 2, 8, LONG_MS);
    int held = fixture_hold(f);
    assert_comes(fixture_workers(f) == 3 && fixture_starts() == 3);
    assert_int_equal(3, fixture_list(f, before, 3));
    kill(f->pid, SIGHUP);
    assert_comes(fixture_starts() == 5 && fixture_workers(f) == 3);
    assert_true(fixture_ask(held));
    close(held);
    assert_comes(fixture_workers(f) == 2);
    assert_int_equal(2, fixture_list(f, after, 2));
    for (int i = 0; i < 3; i++)
        assert_true(before[i] != after[0] && before[i] != after[1]);
    assert_int_equal(0, fixture_stop(f));
    assert_int_equal(0, fixture_times_logged(f, "\n"));
}

static void test_a_reload_that_fails_changes_nothing(void **state)
{
    struct fixture *f = *state;
    pid_t before[2], after[2];

    fixture_start(f, 2, 2, LONG_MS);
    assert_comes(fixture_workers(f) == 2 && fixture_starts() == 2);
    assert_int_equal(2, fixture_list(f, before, 2));
    fixture_shared->reload_fails = 1;
    kill(f->pid, SIGHUP);
    int held = fixture_hold(f); /* it goes on, and sees to whom it starts */
    fixture_let_go(&held, 1);
    fixture_sleep(200);
    assert_int_equal(2, fixture_list(f, after, 2));
    assert_int_equal(before[0] + before[1], after[0] + after[1]);
    assert_int_equal(2, fixture_starts());
}

static bool runs(pid_t pid)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) /* orphans come to this program */
        ;
    return kill(pid, 0) == 0;
}

static void test_a_killed_parent_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    pid_t left[3];
    int status, running = 3;

    fixture_start(f, 2, 8, LONG_MS);
    int held = fixture_hold(f);
    assert_comes(fixture_workers(f) == 3);
    assert_int_equal(3, fixture_list(f, left, 3));
    kill(f->pid, SIGKILL);
    assert_int_equal(f->pid, waitpid(f->pid, &status, 0));
    f->pid = 0;
    int64_t deadline = clock_ms() + PATIENCE_MS;
    while (running > 1) {
        assert_true(clock_ms() < deadline);
        running = runs(left[0]) + runs(left[1]) + runs(left[2]);
        fixture_sleep(2);
    }
    assert_true(fixture_ask(held)); /* what it was at */
    close(held);
    assert_comes(!runs(left[0]) && !runs(left[1]) && !runs(left[2]));
}

/* Whoever started it may want to hear nothing of its own children. */
static void test_children_that_nobody_waits_for(void **state)
{
    struct fixture *f = *state;
    pid_t pids[2];

    signal(SIGCHLD, SIG_IGN);
    fixture_start(f, 2, 2, LONG_MS);
    signal(SIGCHLD, SIG_DFL);
    assert_comes(fixture_workers(f) == 2 && fixture_starts() == 2);
    assert_int_equal(2, fixture_list(f, pids, 2));
    kill(pids[0], SIGKILL);
    assert_comes(fixture_starts() == 3 && fixture_workers(f) == 2);
}

/* --- without a pool --- */

static void complain(void *context)
{
    pool_idle(context);
    pool_busy(context);
    pool_cannot_start(context, "why");
}

static void test_a_process_without_a_pool(void **state)
{
    (void)state;
    char *log = unit_stderr_of(complain, NULL);
    assert_non_null(strstr(log, ": error: why\n"));
    free(log);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        POOL_TEST(test_the_least_at_rest),
        POOL_TEST(test_grows_before_the_last_idle_one_is_taken),
        POOL_TEST(test_one_for_each),
        POOL_TEST(test_never_more_than_the_most),
        POOL_TEST(test_a_fixed_number),
        POOL_TEST(test_those_that_are_idle_for_long_go),
        POOL_TEST(test_busy_ones_stay),
        POOL_TEST(test_a_light_load_keeps_few),
        POOL_TEST(test_signals_let_requests_be_finished),
        POOL_TEST(test_a_reload_replaces_workers),
        POOL_TEST(test_a_reload_that_fails_changes_nothing),
        POOL_TEST(test_a_killed_parent_leaves_nothing),
        POOL_TEST(test_children_that_nobody_waits_for),
        cmocka_unit_test(test_a_process_without_a_pool),
    };

    return RUN(tests);
}
