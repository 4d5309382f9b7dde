/* SPDX-License-Identifier: Apache-2.0
 * base/log.c */
#include "unit/unit.h"

#include "base/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the calls in `write_lines` put onto standard error, until the next time. */
static const char *logged(void (*write_lines)(void *context))
{
    static char text[4096];
    char *lines = unit_stderr_of(write_lines, NULL);

    snprintf(text, sizeof text, "%s", lines);
    free(lines);
    return text;
}

static void each_level(void *context)
{
    (void)context;
    log_error("e");
    log_warning("w");
    log_info("i");
    log_debug("d");
}

static void test_levels(void **state)
{
    static const char *const lines[] = {"error: e", "warning: w", "info: i", "debug: d"};
    char expected[1000] = "";

    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "berth[%ld]: %s\n", (long)getpid(),
                 lines[level]);
        log_set_level((enum log_level)level);
        assert_string_equal(expected, logged(each_level));
    }
    log_set_level(LOG_LEVEL_WARNING);
}

static void forged(void *context)
{
    (void)context;
    log_error("path %s", "/v2/\nberth[1]: error: forged\r\x1b[2J\x7f\xc3\xa9");
}

static void test_a_request_cannot_forge_a_line(void **state)
{
    char expected[200];

    (void)state;
    snprintf(expected, sizeof expected,
             "berth[%ld]: error: path "
             "/v2/\\x0aberth[1]: error: forged\\x0d\\x1b[2J\\x7f\xc3\xa9\n",
             (long)getpid());
    assert_string_equal(expected, logged(forged));
}

static void very_long(void *context)
{
    (void)context;
    log_error("%08000d", 1);
}

static void test_a_long_message_is_one_line(void **state)
{
    (void)state;
    const char *line = logged(very_long);
    assert_true(strlen(line) > 3000 && strlen(line) < 3200);
    assert_ptr_equal(line + strlen(line) - 1, strchr(line, '\n'));
}

/* JOURNAL_STREAM as it would be for this standard error, with more before, between and behind. */
static void say_journal(const char *before, const char *between, const char *behind)
{
    char text[100];
    struct stat st;

    assert_int_equal(0, fstat(STDERR_FILENO, &st));
    snprintf(text, sizeof text, "%s%ju%s%ju%s", before, (uintmax_t)st.st_dev, between,
             (uintmax_t)st.st_ino, behind);
    setenv("JOURNAL_STREAM", text, 1);
}

static void to_the_journal(void *context)
{
    say_journal("", ":", "");
    each_level(context);
}

static void to_another_stream(void *context)
{
    static const char *const others[][3] = {
        {"1", ":", ""}, {"", ":1", ""}, {"", ":", ":"}, {"", "", ""}, {"x", ":", ""}};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        say_journal(others[i][0], others[i][1], others[i][2]);
        each_level(context);
    }
}

static void test_the_journal_is_told_the_priority(void **state)
{
    char expected[1000] = "";
    long pid = getpid();

    (void)state;
    log_set_level(LOG_LEVEL_DEBUG);
    snprintf(expected, sizeof expected,
             "<3>berth[%ld]: error: e\n<4>berth[%ld]: warning: w\n"
             "<6>berth[%ld]: info: i\n<7>berth[%ld]: debug: d\n",
             pid, pid, pid, pid);
    assert_string_equal(expected, logged(to_the_journal));
    log_set_level(LOG_LEVEL_WARNING);
    assert_null(strchr(logged(to_another_stream), '<'));
    unsetenv("JOURNAL_STREAM");
    assert_null(strchr(logged(each_level), '<'));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_request_cannot_forge_a_line),
        cmocka_unit_test(test_a_long_message_is_one_line),
        cmocka_unit_test(test_the_journal_is_told_the_priority),
    };

    return RUN(tests);
}
