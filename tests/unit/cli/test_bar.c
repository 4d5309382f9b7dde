/* SPDX-License-Identifier: Apache-2.0
 * cli/bar.c, on a terminal and by a clock of its own. */
#include "unit/unit.h"

#include "cli/bar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

static int64_t clock_ms;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id != CLOCK_MONOTONIC)
        return __real_clock_gettime(id, ts);
    *ts = (struct timespec){clock_ms / 1000, clock_ms % 1000 * 1000000};
    return 0;
}

/* A terminal in the place of standard error. */
static int control = -1, inside = -1, kept = -1;

static int terminal_open(void **state)
{
    struct termios raw;

    (void)state;
    clock_ms = 1000000;
    control = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(control >= 0);
    assert_int_equal(0, grantpt(control));
    assert_int_equal(0, unlockpt(control));
    inside = open(ptsname(control), O_RDWR | O_NOCTTY);
    assert_true(inside >= 0);
    tcgetattr(inside, &raw);
    cfmakeraw(&raw);
    tcsetattr(inside, TCSANOW, &raw);
    fcntl(control, F_SETFL, O_NONBLOCK);
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    return 0;
}

static void show_there(int fd)
{
    fflush(stderr);
    dup2(fd, STDERR_FILENO);
}

static int terminal_close(void **state)
{
    (void)state;
    show_there(kept);
    close(kept);
    close(inside);
    close(control);
    return 0;
}

static void set_columns(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};

    assert_int_equal(0, ioctl(inside, TIOCSWINSZ, &size));
}

/* What was shown since the last call. */
static const char *shown(void)
{
    static char text[4096];
    ssize_t len = 0, n;

    fflush(stderr);
    while ((n = read(control, text + len, sizeof text - 1 - (size_t)len)) > 0)
        len += n;
    text[len] = '\0';
    return text;
}

static void start(struct bar *bar, enum bar_unit unit, bool quiet)
{
    show_there(inside);
    bar_start(bar, unit, quiet);
}

static void later(struct bar *bar, int64_t ms, const char *what, int64_t done, int64_t total)
{
    clock_ms += ms;
    progress_at(&bar->progress, what, done, total);
}

static const char hashing[] = "hashing";

static void test_appears_after_a_second(void **state)
{
    struct bar bar;

    (void)state;
    set_columns(100);
    start(&bar, BAR_BYTES, false);
    later(&bar, 0, hashing, 0, 4 << 20);
    later(&bar, 999, hashing, 1 << 20, 4 << 20);
    assert_string_equal("", shown());
    later(&bar, 1, hashing, 1 << 20, 4 << 20);
    assert_string_equal(
        "\rhashing  [==========                              ]  1.0 MiB of 4.0 MiB  "
        "1.0 MiB/s  0:03 left\033[K",
        shown());
    later(&bar, 99, hashing, 2 << 20, 4 << 20); /* ten times a second */
    assert_string_equal("", shown());
    later(&bar, 1, hashing, 2 << 20, 4 << 20);
    assert_non_null(strstr(shown(), "2.0 MiB of 4.0 MiB"));
    bar_end(&bar);
    assert_string_equal("\r\033[K", shown());
    bar_end(&bar);
    assert_string_equal("", shown());
}

static void test_short_work_shows_nothing(void **state)
{
    struct bar bar;

    (void)state;
    start(&bar, BAR_ITEMS, false);
    later(&bar, 0, hashing, 0, 10);
    later(&bar, 900, hashing, 10, 10);
    bar_end(&bar);
    assert_string_equal("", shown());
}

static void test_quiet_or_no_terminal(void **state)
{
    struct bar bar;
    int pipes[2];
    char byte;

    (void)state;
    start(&bar, BAR_ITEMS, true);
    later(&bar, 0, hashing, 0, 10);
    later(&bar, 5000, hashing, 5, 10);
    bar_end(&bar);
    assert_string_equal("", shown());
    assert_int_equal(0, pipe2(pipes, O_NONBLOCK));
    show_there(pipes[1]);
    bar_start(&bar, BAR_ITEMS, false);
    later(&bar, 0, hashing, 0, 10);
    later(&bar, 5000, hashing, 5, 10);
    bar_end(&bar);
    show_there(kept);
    assert_int_equal(-1, read(pipes[0], &byte, 1));
    close(pipes[0]);
    close(pipes[1]);
}

static void test_items_of_an_unknown_number(void **state)
{
    struct bar bar;

    (void)state;
    start(&bar, BAR_ITEMS, false);
    later(&bar, 0, hashing, 0, -1);
    later(&bar, 2000, hashing, 500, -1);
    assert_string_equal("\rhashing  500  250/s\033[K", shown());
}

static void test_time_left(void **state)
{
    static const struct {
        int64_t total;
        const char *left;
    } table[] = {{110, "1:40 left"}, {7210, "2 h 00 min left"}, {864010, "10 days left"}};

    (void)state;
    set_columns(200);
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct bar bar;
        start(&bar, BAR_ITEMS, false);
        later(&bar, 0, hashing, 0, table[i].total);
        later(&bar, 10000, hashing, 10, table[i].total);
        assert_non_null(strstr(shown(), table[i].left));
    }
}

static void test_more_than_was_thought(void **state)
{
    struct bar bar;

    (void)state;
    set_columns(100);
    start(&bar, BAR_ITEMS, false);
    later(&bar, 0, hashing, 0, 10);
    later(&bar, 1000, hashing, 20, 10);
    const char *text = shown();
    assert_non_null(strstr(text, "[========================================]  20 of 10"));
    assert_non_null(strstr(text, "0:00 left"));
}

static void test_each_part_has_its_own_second(void **state)
{
    static const char next[] = "removing";
    struct bar bar;

    (void)state;
    start(&bar, BAR_ITEMS, false);
    later(&bar, 0, hashing, 0, -1);
    later(&bar, 1000, hashing, 10, -1);
    shown();
    later(&bar, 500, next, 0, -1);
    later(&bar, 100, next, 50, -1); /* it is on the terminal already */
    assert_string_equal("\rremoving  50  500/s\033[K", shown());
}

/* A line that is as wide as the terminal would go on in the next, and \r would not reach back. */
static void test_fits_narrow_terminals(void **state)
{
    (void)state;
    for (unsigned short columns = 1; columns <= 120; columns++) {
        struct bar bar;
        set_columns(columns);
        start(&bar, BAR_BYTES, false);
        later(&bar, 0, hashing, 0, (int64_t)900 << 30);
        later(&bar, 60000, hashing, (int64_t)100 << 30, (int64_t)900 << 30);
        const char *text = shown();
        size_t width = strlen(text) - strlen("\r") - strlen("\033[K");
        if (width >= columns && columns > 1)
            fail_msg("%zu characters in %u columns: %s", width, columns, text + 1);
        bar_end(&bar);
        shown();
    }
    set_columns(0); /* unknown: 80 */
    struct bar bar;
    start(&bar, BAR_BYTES, false);
    assert_int_equal(80, bar.width);
}

#define TERMINAL_TEST(test) cmocka_unit_test_setup_teardown(test, terminal_open, terminal_close)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TERMINAL_TEST(test_appears_after_a_second),
        TERMINAL_TEST(test_short_work_shows_nothing),
        TERMINAL_TEST(test_quiet_or_no_terminal),
        TERMINAL_TEST(test_items_of_an_unknown_number),
        TERMINAL_TEST(test_time_left),
        TERMINAL_TEST(test_more_than_was_thought),
        TERMINAL_TEST(test_each_part_has_its_own_second),
        TERMINAL_TEST(test_fits_narrow_terminals),
    };

    return RUN(tests);
}
