/* SPDX-License-Identifier: Apache-2.0
 * admin/options.c: what is parsed. What is said of what is not: tests/admin/test_options.py. */
#include "unit/unit.h"

#include "admin/options.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

/* Parses a command line of words with blanks between; what getopt says of it is not shown. */
static int parse(const char *ids, const char *line, struct admin_options *options)
{
    static char words[2048];
    static char *argv[256];
    int argc = 0;

    snprintf(words, sizeof words, "%s", line);
    argv[argc++] = words;
    for (char *c = words; *c; c++) {
        if (*c != ' ')
            continue;
        *c = '\0';
        argv[argc++] = c + 1;
    }
    argv[argc] = NULL;
    optind = 0; /* from the start, for glibc */
    fflush(stderr);
    int shown = dup(STDERR_FILENO), file = fileno(tmpfile());
    dup2(file, STDERR_FILENO);
    int result = options_parse(ids, argc, argv, options);
    dup2(shown, STDERR_FILENO);
    close(shown);
    return result;
}

static void test_nothing(void **state)
{
    struct admin_options options;

    (void)state;
    assert_int_equal(0, parse("", "berth", &options));
    assert_int_equal(-1, options.grace);
    assert_int_equal(0, options.jobs);
    assert_null(options.root);
    assert_false(options.json || options.dry_run || options.recursive);
    assert_int_equal(1, optind);
}

static void test_kinds(void **state)
{
    struct admin_options options;

    (void)state;
    assert_int_equal(
        0, parse("ngJY", "berth -n a --grace 12h --jobs=4 b --root R -cC --json", &options));
    assert_true(options.dry_run && options.json && !options.recursive);
    assert_int_equal(12 * 3600, options.grace);
    assert_int_equal(4, options.jobs);
    assert_string_equal("R", options.root);
    assert_string_equal("C", options.config);
    assert_int_equal(9, optind); /* arguments come behind all options */
}

static void test_a_letter_of_one_is_not_the_id_of_another(void **state)
{
    struct admin_options options;

    (void)state;
    assert_int_equal(0, parse("Y", "berth -r", &options)); /* 'r' is the id of --root */
    assert_true(options.recursive);
    assert_null(options.root);
    assert_int_equal(OPTIONS_UNKNOWN, parse("Y", "berth -Y", &options));
    assert_int_equal(0, parse("F", "berth --state f", &options));
    assert_string_equal("f", options.state);
    assert_int_equal(OPTIONS_UNKNOWN, parse("F", "berth -F f", &options));
}

static void test_ages(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } table[] = {{"0s", 0},   {"30m", 1800}, {"7d", 7 * 86400}, {"2w", 14 * 86400}, {"12", -1},
                 {"h", -1},   {"-1h", -1},   {"1 h", -1},       {"1.5h", -1},       {"1y", -1},
                 {"1hh", -1}, {"", -1},      {"9999999w", -1}};
    struct admin_options options;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        char line[64];
        snprintf(line, sizeof line, "berth --grace=%s", table[i].text);
        bool spaced = strchr(table[i].text, ' ') != NULL;
        int expected = table[i].seconds >= 0 ? 0 : OPTIONS_INVALID;
        if (!spaced)
            assert_int_equal(expected, parse("g", line, &options));
        if (expected == 0)
            assert_int_equal(table[i].seconds, options.grace);
    }
    assert_int_equal(0, parse("g", "berth -g 1h", &options));
    assert_int_equal(3600, options.grace);
}

static void test_counts(void **state)
{
    static const char *const refused[] = {"0", "-1", "1025", "x", "1x", "", "99999999999999999999"};
    struct admin_options options;

    (void)state;
    assert_int_equal(0, parse("J", "berth --jobs 1024", &options));
    assert_int_equal(1024, options.jobs);
    for (size_t i = 0; i < LENGTH_OF(refused); i++) {
        char line[64];
        snprintf(line, sizeof line, "berth --jobs=%s", refused[i]);
        assert_int_equal(OPTIONS_INVALID, parse("J", line, &options));
    }
}

static void test_lists(void **state)
{
    struct admin_options options;
    char line[2048] = "berth";
    size_t len = strlen(line);

    (void)state;
    for (int i = 0; i < ADMIN_LIST_MAX; i++)
        len += (size_t)snprintf(line + len, sizeof line - len, " --tls-name n%d", i);
    assert_int_equal(0, parse("N", line, &options));
    assert_int_equal(ADMIN_LIST_MAX, options.tls_names.n);
    assert_string_equal("n0", options.tls_names.v[0]);
    assert_string_equal("n63", options.tls_names.v[63]);
    snprintf(line + len, sizeof line - len, " --tls-name more");
    assert_int_equal(OPTIONS_INVALID, parse("N", line, &options));
}

static void test_refused(void **state)
{
    struct admin_options options;

    (void)state;
    assert_int_equal(OPTIONS_UNKNOWN, parse("", "berth --nope", &options));
    assert_int_equal(OPTIONS_UNKNOWN, parse("", "berth --dry-run", &options)); /* another's */
    assert_int_equal(OPTIONS_UNKNOWN, parse("", "berth --root", &options));    /* without value */
    assert_int_equal(OPTIONS_UNKNOWN, parse("", "berth --json=x", &options));
    assert_int_equal(OPTIONS_HELP, parse("", "berth x --help", &options));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_a_letter_of_one_is_not_the_id_of_another),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_refused),
    };

    return RUN(tests);
}
