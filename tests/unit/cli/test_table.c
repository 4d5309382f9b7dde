/* SPDX-License-Identifier: Apache-2.0
 * cli/table.c, cli/output.c: one table, for people and for programs. */
#include "unit/unit.h"

#include "cli/table.h"
#include "cli/table_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct row {
    const char *name;
    int64_t number, size, age, when;
    double seconds;
    bool flag;
    struct strings list;
    struct amount sum;
};

static struct output out;

static void begin(bool json)
{
    output_free(&out);
    output_begin(&out, json);
}

/* What has been put out, of JSON with its end. */
static void assert_out(const char *expected)
{
    if (out.json)
        json_writer_end(out.json);
    assert_string_equal(expected, out.text.len ? out.text.s : "");
    output_free(&out);
}

static char first[] = "one", second[] = "t\two";
static char *texts[] = {first, second};
static const struct row all = {
    .name = "a\nb \"c\"",
    .number = 42,
    .size = 1536,
    .age = 172800,
    .when = 86400,
    .seconds = 1.25,
    .flag = true,
    .list = {texts, 2},
    .sum = {3, 2048},
};

static const struct table_column every_kind[] = {
    TABLE_COLUMN(struct row, name, TABLE_TEXT, "name", "NAME"),
    TABLE_COLUMN(struct row, number, TABLE_NUMBER, "number", "NUMBER"),
    TABLE_COLUMN(struct row, size, TABLE_SIZE, "size", "SIZE"),
    TABLE_COLUMN(struct row, age, TABLE_AGE, "age", "AGE"),
    TABLE_COLUMN(struct row, when, TABLE_TIME, "when", "WHEN"),
    TABLE_COLUMN(struct row, seconds, TABLE_SECONDS, "seconds", "TOOK"),
    TABLE_COLUMN(struct row, flag, TABLE_FLAG, "flag", "FLAG"),
    TABLE_COLUMN(struct row, list, TABLE_LIST, "list", "LIST"),
    TABLE_COLUMN(struct row, sum, TABLE_SUM, "sum", "SUM"),
    TABLE_END,
};

static const struct row nothing = {.when = -1};

static void test_every_kind_as_text(void **state)
{
    const struct row rows[] = {all, nothing};

    (void)state;
    begin(false);
    table_print(every_kind, "rows", rows, 2, sizeof *rows, &out);
    assert_out(
        "NAME        NUMBER     SIZE  AGE        WHEN                   TOOK  FLAG  LIST         "
        "     SUM\n"
        "a\\x0ab \"c\"      42  1.5 KiB  2 days     1970-01-02T00:00:00Z  1.2 s  yes   one, "
        "t\\x09wo  2.0 KiB\n"
        "-                0      0 B  0 seconds  -                     0.0 s  no                "
        "      0 B\n");
}

static void test_every_kind_as_json(void **state)
{
    const struct row rows[] = {all, nothing};

    (void)state;
    begin(true);
    table_print(every_kind, "rows", rows, 2, sizeof *rows, &out);
    assert_out(
        "{\"rows\":[{\"name\":\"a\\u000ab \\\"c\\\"\",\"number\":42,\"size\":1536,\"age\":172800,"
        "\"when\":\"1970-01-02T00:00:00Z\",\"seconds\":1.250,\"flag\":true,"
        "\"list\":[\"one\",\"t\\u0009wo\"],\"sum\":{\"count\":3,\"bytes\":2048}},"
        "{\"name\":null,\"number\":0,\"size\":0,\"age\":0,\"when\":null,\"seconds\":0.000,"
        "\"flag\":false,\"list\":[],\"sum\":{\"count\":0,\"bytes\":0}}]}");
}

/* What is for people alone is not in JSON, and the other way round. */
static void test_columns_for_one_of_them(void **state)
{
    static const struct table_column columns[] = {
        TABLE_COLUMN(struct row, name, TABLE_TEXT, "name", NULL),
        TABLE_COLUMN(struct row, number, TABLE_NUMBER, "number", "N"),
        TABLE_COLUMN(struct row, name, TABLE_TEXT, NULL, "NAME"),
        TABLE_END,
    };
    static const struct row row = {.name = "x", .number = 1};

    (void)state;
    begin(false);
    table_print(columns, "rows", &row, 1, sizeof row, &out);
    assert_out("N  NAME\n1  x\n");
    begin(true);
    table_print(columns, "rows", &row, 1, sizeof row, &out);
    assert_out("{\"rows\":[{\"name\":\"x\",\"number\":1}]}");
}

/* Rows that come in a list for people are kept for as long as it is not known how wide they are; of
 * those that were measured each is printed at once. */
static void test_measured(void **state)
{
    static const struct table_column columns[] = {
        TABLE_COLUMN(struct row, name, TABLE_TEXT, "name", "NAME"),
        TABLE_COLUMN(struct row, number, TABLE_NUMBER, "number", "N"),
        TABLE_END,
    };
    const struct row rows[] = {{.name = "x", .number = 1}, {.name = "longer", .number = 22}};
    struct table table;

    (void)state;
    begin(false);
    table_begin(&table, columns, "rows", &out);
    table_row(&table, &rows[0]);
    assert_int_equal(0, out.text.len);
    table_row(&table, &rows[1]);
    table_end(&table);
    assert_out("NAME     N\nx        1\nlonger  22\n");
    begin(false);
    table_begin(&table, columns, "rows", &out);
    table_measure(&table, &rows[0]);
    table_measure(&table, &rows[1]);
    table_row(&table, &rows[0]);
    assert_string_equal("NAME     N\nx        1\n", out.text.s);
    table_row(&table, &rows[1]);
    table_row(&table, &(struct row){.name = "became wider", .number = 3});
    table_end(&table);
    assert_out("NAME     N\nx        1\nlonger  22\nbecame wider   3\n");
}

static void test_no_rows(void **state)
{
    (void)state;
    begin(false);
    table_print(every_kind, "rows", NULL, 0, sizeof(struct row), &out);
    assert_out("NAME  NUMBER  SIZE  AGE  WHEN  TOOK  FLAG  LIST  SUM\n");
    begin(true);
    table_print(every_kind, "rows", NULL, 0, sizeof(struct row), &out);
    assert_out("{\"rows\":[]}");
}

/* No line of headings where there is none, no blanks at an end, and widths in characters. */
static void test_without_headings(void **state)
{
    static const struct table_column columns[] = {
        TABLE_COLUMN(struct row, name, TABLE_TEXT, "name", ""),
        TABLE_COLUMN(struct row, list, TABLE_LIST, NULL, ""),
        TABLE_END,
    };
    const struct row rows[] = {{.name = "\xc3\xa4\xc3\xb6", .list = {texts, 1}}, {.name = "long"}};

    (void)state;
    begin(false);
    table_print(columns, "rows", rows, 2, sizeof *rows, &out);
    assert_out("\xc3\xa4\xc3\xb6    one\nlong\n");
}

static void test_sheet(void **state)
{
    static const struct table_column columns[] = {
        TABLE_COLUMN(struct row, name, TABLE_TEXT, "name", "name"),
        TABLE_COLUMN(struct row, number, TABLE_NUMBER, "number", NULL),
        TABLE_COLUMN(struct row, size, TABLE_SIZE, "size", "total size"),
        TABLE_COLUMN(struct row, list, TABLE_LIST, "list", "tag"),
        TABLE_END,
    };

    (void)state;
    begin(false);
    table_sheet(columns, &all, &out);
    table_sheet(columns, &nothing, &out); /* without lines for what is not there */
    assert_out("name        a\\x0ab \"c\"\n"
               "total size  1.5 KiB\n"
               "tag         one\n"
               "tag         t\\x09wo\n"
               "total size  0 B\n");
    begin(true);
    table_sheet(columns, &all, &out);
    table_json_object(columns, &nothing, "other", out.json);
    assert_out("{\"name\":\"a\\u000ab \\\"c\\\"\",\"number\":42,\"size\":1536,"
               "\"list\":[\"one\",\"t\\u0009wo\"],"
               "\"other\":{\"name\":null,\"number\":0,\"size\":0,\"list\":[]}}");
}

/* Standard output is this file meanwhile. */
static int kept = -1;

static void redirect(const char *path)
{
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static void restore(void)
{
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
}

static void test_output_is_held_until_it_is_much(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF much = BUF_INIT;

    for (size_t i = 0; i < 65536; i++)
        buf_addc(&much, 'x');
    begin(false);
    redirect(unit_path(dir, "file"));
    buf_addstr(&out.text, "little");
    int little = output_flush(&out, &failure);
    char *before = unit_get(dir->path, "file");
    buf_add(&out.text, much.s, much.len);
    int enough = output_flush(&out, &failure);
    size_t left = out.text.len;
    char *after = unit_get(dir->path, "file");
    buf_addstr(&out.text, "end");
    int ended = output_end(&out, &failure);
    restore();
    char *whole = unit_get(dir->path, "file");
    assert_int_equal(0, little + enough + ended);
    assert_string_equal("", before);
    assert_int_equal(0, left);
    assert_int_equal(65542, strlen(after));
    assert_int_equal(65545, strlen(whole));
    free(before);
    free(after);
    free(whole);
    output_free(&out);
}

static void test_output_as_json_has_an_end(void **state)
{
    const struct unit_dir *dir = *state;

    begin(true);
    json_writer_number(out.json, "n", 1);
    redirect(unit_path(dir, "file"));
    int ended = output_end(&out, &failure);
    restore();
    assert_int_equal(0, ended);
    assert_content("{\"n\":1}\n", dir->path, "file");
    output_free(&out);
}

static void test_output_that_finds_no_room(void **state)
{
    (void)state;
    begin(false);
    buf_addstr(&out.text, "text");
    unit_before_call();
    redirect("/dev/full");
    int ended = output_end(&out, &failure);
    restore();
    unit_after_failure(ERR_NO_SPACE, ended, "output_end", __FILE__, __LINE__);
    output_free(&out);
}

/* What a list could not print is told at its end, and nothing comes behind the gap. */
static void test_output_of_a_list_that_finds_no_room(void **state)
{
    (void)state;
    begin(false);
    while (!output_is_much(&out))
        buf_addstr(&out.text, "0123456789");
    unit_before_call();
    redirect("/dev/full");
    output_relieve(&out);
    restore();
    buf_addstr(&out.text, "more");
    output_relieve(&out);
    assert_int_equal(0, out.text.len);
    unit_after_failure(ERR_NO_SPACE, output_end(&out, &failure), "output_end", __FILE__, __LINE__);
    output_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_as_text),
        cmocka_unit_test(test_every_kind_as_json),
        cmocka_unit_test(test_columns_for_one_of_them),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_without_headings),
        cmocka_unit_test(test_sheet),
        DIR_TEST(test_output_is_held_until_it_is_much),
        DIR_TEST(test_output_as_json_has_an_end),
        cmocka_unit_test(test_output_that_finds_no_room),
        cmocka_unit_test(test_output_of_a_list_that_finds_no_room),
    };

    return RUN(tests);
}
