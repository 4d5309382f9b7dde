/* SPDX-License-Identifier: Apache-2.0
 * api/settings_pass.c */
#include "unit/unit.h"

#include "api/settings_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ODD "a b+c%20&d=e\n\"\xc3\xa4"

static const char header[] = "Variable-" SETTINGS_PASS_VARIABLE ": ";

/* An environment without anything, but for how the results are printed. */
static void clear(void)
{
    static char how[32];
    const char *said = getenv("CMOCKA_MESSAGE_OUTPUT");

    snprintf(how, sizeof how, "%s", said ? said : "STDOUT");
    clearenv();
    setenv("CMOCKA_MESSAGE_OUTPUT", how, 1);
}

static size_t count(void)
{
    size_t n = 0;

    while (environ[n])
        n++;
    return n;
}

/* What lighttpd makes of the answer, in an environment without ours. */
static void hand_over(const char *config)
{
    struct response response;

    response_init(&response);
    settings_pass_on(config, &response);
    assert_memory_equal(header, response.headers.s, strlen(header));
    char *line = response.headers.s + strlen(header);
    char *end = strstr(line, "\r\n");
    assert_non_null(end);
    assert_string_equal("\r\n", end); /* one line */
    *end = '\0';
    clear();
    setenv(SETTINGS_PASS_VARIABLE, line, 1);
    response_free(&response);
}

static void assert_set(const char *name, const char *value)
{
    const char *found = getenv(name);

    if (!value) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(value, found);
}

static void test_all_of_ours_and_nothing_else(void **state)
{
    (void)state;
    clear();
    setenv("BERTH_ROOT", "/srv/odd " ODD, 1);
    setenv("BERTH_EMPTY", "", 1);
    setenv("BERTH_CONF", "/before", 1);
    setenv("LD_PRELOAD", "x", 1);
    hand_over("/etc/berth/berth.conf");
    settings_pass_take();
    assert_set("BERTH_ROOT", "/srv/odd " ODD);
    assert_set("BERTH_EMPTY", "");
    assert_set("BERTH_CONF", "/etc/berth/berth.conf");
    assert_set("LD_PRELOAD", NULL);
}

/* Without a file it is not named, unless the environment names one that is not there. */
static void test_no_configuration(void **state)
{
    (void)state;
    clear();
    hand_over(NULL);
    settings_pass_take();
    assert_set("BERTH_CONF", NULL);
    setenv("BERTH_CONF", "/nowhere", 1);
    hand_over(NULL);
    settings_pass_take();
    assert_set("BERTH_CONF", "/nowhere");
}

/* lighttpd starts the program in the directory that it is in. */
static void test_a_configuration_of_this_directory(void **state)
{
    char here[4096], expected[4200];

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    snprintf(expected, sizeof expected, "%s/berth.conf", here);
    clear();
    setenv("BERTH_CONF", "berth.conf", 1);
    hand_over("berth.conf");
    settings_pass_take();
    assert_set("BERTH_CONF", expected);
}

/* It comes from a worker; but nothing else than a setting is ever set. */
static void test_what_is_none(void **state)
{
    static const char *const values[] = {"",     "&", "=", "PATH=/x&", "BERTH_A", "BERTH_A=%zz&",
                                         "%42=x"};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(values); i++) {
        clear();
        setenv(SETTINGS_PASS_VARIABLE, values[i], 1);
        settings_pass_take();
        assert_set("PATH", NULL);
        assert_set("BERTH_A", NULL);
        assert_int_equal(2, count());
    }
    clear();
    settings_pass_take();
    assert_int_equal(1, count());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_ours_and_nothing_else),
        cmocka_unit_test(test_no_configuration),
        cmocka_unit_test(test_a_configuration_of_this_directory),
        cmocka_unit_test(test_what_is_none),
    };

    return RUN(tests);
}
