/* SPDX-License-Identifier: Apache-2.0
 * cli/options.c: what is parsed. What is said of what is not: tests/admin/test_options.py. */
#include "unit/unit.h"

#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A subcommand's. The letter of one option begins the name of another. */
struct line {
    struct options_common common;
    bool dry_run, recursive;
    const char *state, *pack;
    int jobs, cost;
    int64_t grace, expires;
    struct options_list names;
};

static const struct options_row rows[] = {
    OPTIONS_DRY_RUN(struct line),
    OPTIONS_ROW(struct line, recursive, 'r', "recursive", NULL, "all of it"),
    OPTIONS_ROW(struct line, state, 0, "state", "FILE", "go on"),
    OPTIONS_CHOICE(struct line, pack, 0, "pack", "gzip|zstd|none", "how"),
    OPTIONS_JOBS(struct line),
    OPTIONS_NUMBER(struct line, cost, 'C', "cost", "N", "of a hash", 4, 17),
    OPTIONS_GRACE(struct line),
    OPTIONS_NUMBER(struct line, expires, 'e', "expires", "TIME", "until when", 1, 0),
    OPTIONS_ROW(struct line, names, 'N', "name", "NAME", "repeatable"),
    OPTIONS_END,
};

static const struct options_row none[] = {OPTIONS_END};

/* Parses a command line of words with blanks between; what getopt says of it is not shown. */
static int parse(const struct options_row *table, const char *text, struct line *line)
{
    static char words[2048];
    static char *argv[256];
    int argc = 0;

    snprintf(words, sizeof words, "%s", text);
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
    *line = (struct line){0};
    int result = options_parse(table, argc, argv, &line->common);
    dup2(shown, STDERR_FILENO);
    close(shown);
    return result;
}

static void test_nothing(void **state)
{
    struct line line;

    (void)state;
    assert_int_equal(0, parse(rows, "berth", &line));
    assert_int_equal(-1, line.grace);
    assert_int_equal(0, line.jobs);
    assert_null(line.state);
    assert_null(line.common.root);
    assert_false(line.common.json || line.dry_run || line.recursive);
    assert_int_equal(1, optind);
}

static void test_kinds(void **state)
{
    struct line line;

    (void)state;
    assert_int_equal(
        0, parse(rows, "berth -n a --grace 12h --jobs=4 b --root R -cC --json -C 5", &line));
    assert_true(line.dry_run && line.common.json && !line.recursive);
    assert_int_equal(12 * 3600, line.grace);
    assert_int_equal(4, line.jobs);
    assert_int_equal(5, line.cost);
    assert_string_equal("R", line.common.root);
    assert_string_equal("C", line.common.config);
    assert_int_equal(11, optind); /* arguments come behind all options */
}

static void test_common_ones_alone(void **state)
{
    struct line line;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct options_row *table = i ? none : NULL;
        assert_int_equal(0, parse(table, "berth --root R -j", &line));
        assert_string_equal("R", line.common.root);
        assert_true(line.common.json);
        assert_int_equal(OPTIONS_UNKNOWN, parse(table, "berth -n", &line));
    }
}

/* The last one counts, as with other programs. */
static void test_said_twice(void **state)
{
    struct line line;

    (void)state;
    assert_int_equal(0, parse(rows, "berth -g 1h --state a --grace=2h --state b", &line));
    assert_int_equal(7200, line.grace);
    assert_string_equal("b", line.state);
}

static void test_ages(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } table[] = {{"0s", 0},   {"30m", 1800}, {"7d", 7 * 86400}, {"2w", 14 * 86400}, {"12", -1},
                 {"h", -1},   {"-1h", -1},   {"1 h", -1},       {"1.5h", -1},       {"1y", -1},
                 {"1hh", -1}, {"", -1},      {"9999999w", -1}};
    struct line line;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        char text[64];
        snprintf(text, sizeof text, "berth --grace=%s", table[i].text);
        bool spaced = strchr(table[i].text, ' ') != NULL;
        int expected = table[i].seconds >= 0 ? 0 : OPTIONS_INVALID;
        if (!spaced)
            assert_int_equal(expected, parse(rows, text, &line));
        if (expected == 0)
            assert_int_equal(table[i].seconds, line.grace);
    }
    assert_int_equal(0, parse(rows, "berth -g 1h", &line));
    assert_int_equal(3600, line.grace);
    assert_int_equal(-1, line.expires);
    assert_int_equal(0, parse(rows, "berth -e 1s", &line));
    assert_int_equal(1, line.expires);
    assert_int_equal(OPTIONS_INVALID, parse(rows, "berth -e 0s", &line));
}

static void test_counts(void **state)
{
    static const char *const refused[] = {"0", "-1", "1025", "x", "1x", "", "99999999999999999999"};
    struct line line;

    (void)state;
    assert_int_equal(0, parse(rows, "berth --jobs 1024", &line));
    assert_int_equal(1024, line.jobs);
    assert_int_equal(0, parse(rows, "berth --cost 4", &line));
    assert_int_equal(4, line.cost);
    assert_int_equal(0, parse(rows, "berth --cost 17", &line));
    assert_int_equal(17, line.cost);
    assert_int_equal(OPTIONS_INVALID, parse(rows, "berth --cost 3", &line));
    assert_int_equal(OPTIONS_INVALID, parse(rows, "berth --cost 18", &line));
    for (size_t i = 0; i < LENGTH_OF(refused); i++) {
        char text[64];
        snprintf(text, sizeof text, "berth --jobs=%s", refused[i]);
        assert_int_equal(OPTIONS_INVALID, parse(rows, text, &line));
    }
}

static void test_choices(void **state)
{
    static const char *const choices[] = {"gzip", "zstd", "none"};
    static const char *const refused[] = {"", "gzi", "gzipp", "gzip|zstd", "|", "GZIP", "std"};
    struct line line;
    char text[64];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(choices); i++) {
        snprintf(text, sizeof text, "berth --pack=%s", choices[i]);
        assert_int_equal(0, parse(rows, text, &line));
        assert_string_equal(choices[i], line.pack);
    }
    for (size_t i = 0; i < LENGTH_OF(refused); i++) {
        snprintf(text, sizeof text, "berth --pack=%s", refused[i]);
        assert_int_equal(OPTIONS_INVALID, parse(rows, text, &line));
    }
}

static void test_lists(void **state)
{
    struct line line;
    char text[2048] = "berth -Nn0";
    size_t len = strlen(text);

    (void)state;
    for (int i = 1; i < OPTIONS_LIST_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " --name n%d", i);
    assert_int_equal(0, parse(rows, text, &line));
    assert_int_equal(OPTIONS_LIST_MAX, line.names.n);
    assert_string_equal("n0", line.names.v[0]);
    assert_string_equal("n63", line.names.v[63]);
    snprintf(text + len, sizeof text - len, " --name more");
    assert_int_equal(OPTIONS_INVALID, parse(rows, text, &line));
}

static void test_refused(void **state)
{
    struct line line;

    (void)state;
    assert_int_equal(OPTIONS_UNKNOWN, parse(rows, "berth --nope", &line));
    assert_int_equal(OPTIONS_UNKNOWN, parse(rows, "berth -s f", &line)); /* no letter of --state */
    assert_int_equal(OPTIONS_UNKNOWN, parse(none, "berth --dry-run", &line)); /* another's */
    assert_int_equal(OPTIONS_UNKNOWN, parse(none, "berth --root", &line));    /* without value */
    assert_int_equal(OPTIONS_UNKNOWN, parse(none, "berth --json=x", &line));
    assert_int_equal(OPTIONS_HELP, parse(none, "berth x --help", &line));
    assert_int_equal(OPTIONS_HELP, parse(rows, "berth -h", &line));
}

/* One line for each, aligned, in the order of the table, and those that all take behind them. */
static void test_help(void **state)
{
    static const struct options_row few[] = {
        OPTIONS_ROW(struct line, recursive, 'r', "recursive", NULL, "all of it"),
        OPTIONS_ROW(struct line, state, 0, "state", "one|another", "which"),
        OPTIONS_END,
    };
    static const struct options_row wide[] = {
        OPTIONS_ROW(struct line, state, 0, "a-long-name", "FILE|DIR|NOTHING", "which"),
        OPTIONS_END,
    };
    char *text = NULL;
    size_t size = 0;

    (void)state;
    FILE *file = open_memstream(&text, &size);
    options_print(few, file);
    options_print(wide, file);
    fclose(file);
    assert_string_equal(
        text,
        "  -r, --recursive           all of it\n"
        "      --state one|another   which\n"
        "      --root DIR            data directory (default: the configuration's)\n"
        "  -c, --config FILE         configuration (default: $BERTH_CONF, or "
        "/etc/berth/berth.conf)\n"
        "  -j, --json                print JSON\n"
        "  -h, --help                show this\n"
        "      --a-long-name FILE|DIR|NOTHING  which\n"
        "      --root DIR                      data directory (default: the configuration's)\n"
        "  -c, --config FILE                   configuration (default: $BERTH_CONF, or "
        "/etc/berth/berth.conf)\n"
        "  -j, --json                          print JSON\n"
        "  -h, --help                          show this\n");
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_common_ones_alone),
        cmocka_unit_test(test_said_twice),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_help),
    };

    return RUN(tests);
}
