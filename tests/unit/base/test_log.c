/* SPDX-License-Identifier: Apache-2.0
 * base/log.c */
#include "unit/unit.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_request_cannot_forge_a_line),
        cmocka_unit_test(test_a_long_message_is_one_line),
    };

    return RUN(tests);
}
