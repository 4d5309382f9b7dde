/* SPDX-License-Identifier: Apache-2.0
 * base/settings.c: tables, files that include others, and where what is wrong in them stands. */
#include "unit/unit.h"

#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>

enum size { SMALL, LARGE };

struct dish {
    char *name;
    struct settings_place place;
    struct strings guests;
    int64_t price;
    bool hot;
    struct settings_age keeps;
};

struct kitchen {
    char *cook;
    int64_t seats;
    mode_t mode;
    enum size size;
    bool open;
    struct dish *dishes;
    size_t n_dishes;
};

struct cellar {
    int64_t bottles;
    bool open; /* as the kitchen is */
};

static bool is_cook(const char *value, const char **must)
{
    *must = "must not be a cat";
    return strcmp(value, "cat") != 0;
}

static const char *const sizes[] = {"small", "large", NULL};

static const struct settings_key kitchen_keys[] = {
    SETTINGS_TEXT(struct kitchen, cook, "cook", "nobody", is_cook),
    SETTINGS_NUMBER(struct kitchen, seats, "seats", "4", -1, 100),
    SETTINGS_MODE(struct kitchen, mode, "mode", "0750"),
    SETTINGS_CHOICE(struct kitchen, size, "size", "large", sizes),
    SETTINGS_SWITCH(struct kitchen, open, "open", "true"),
    SETTINGS_END,
};

static const struct settings_key dish_keys[] = {
    SETTINGS_CHECKED_LIST(struct dish, guests, "guests", is_cook),
    SETTINGS_NUMBER(struct dish, price, "price", NULL, 1, INT64_MAX),
    SETTINGS_SWITCH(struct dish, hot, "hot", "false"),
    SETTINGS_AGE(struct dish, keeps, "keeps", false),
    SETTINGS_END,
};

static const struct settings_section kitchen_sections[] = {
    SETTINGS_SECTION(struct kitchen, dishes, n_dishes, struct dish, name, "dish", dish_keys),
    SETTINGS_SECTIONS_END,
};

static const struct settings_key cellar_keys[] = {
    SETTINGS_NUMBER(struct cellar, bottles, "bottles", "7", 0, 9),
    SETTINGS_SWITCH(struct cellar, open, "open", "true"),
    SETTINGS_END,
};

static const struct settings_table kitchen_table =
    SETTINGS_TABLE(struct kitchen, kitchen_keys, kitchen_sections);
static const struct settings_table cellar_table = SETTINGS_TABLE(struct cellar, cellar_keys, NULL);

struct house {
    struct kitchen kitchen;
    struct cellar cellar;
    struct strings files;
};

static int read_house(struct house *house, const struct unit_dir *dir, const char *text)
{
    const struct settings_part parts[] = {{&kitchen_table, &house->kitchen},
                                          {&cellar_table, &house->cellar}};

    house->files = (struct strings){0};
    unit_put(dir->path, "a.conf", text);
    return settings_read(unit_path(dir, "a.conf"), parts, LENGTH_OF(parts), &house->files,
                         &failure);
}

static void leave(struct house *house)
{
    settings_free(&kitchen_table, &house->kitchen);
    settings_free(&cellar_table, &house->cellar);
    strings_free(&house->files);
}

/* name:line and what else the message must say, behind the name of the directory. */
static void assert_refused(const struct unit_dir *dir, const char *text, const char *message)
{
    struct house house;

    assert_fails(CONFIG, read_house(&house, dir, text));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, failure.msg, message);
    leave(&house);
}

static void test_defaults(void **state)
{
    struct house house;

    assert_returns(0, read_house(&house, *state, ""));
    assert_string_equal("nobody", house.kitchen.cook);
    assert_int_equal(4, house.kitchen.seats);
    assert_int_equal(0750, house.kitchen.mode);
    assert_int_equal(LARGE, house.kitchen.size);
    assert_true(house.kitchen.open);
    assert_int_equal(0, house.kitchen.n_dishes);
    assert_int_equal(7, house.cellar.bottles);
    assert_int_equal(1, house.files.n);
    leave(&house);
    assert_null(house.kitchen.cook);
}

/* Each owner finds its own, wherever it stands. */
static void test_owners_share_a_file(void **state)
{
    struct house house;

    assert_returns(0, read_house(&house, *state,
                                 "bottles = 1 seats = -1\n"
                                 "dish soup { guests = {a, \"b c\"} hot = yes keeps = 2d }\n"
                                 "cook = \"dog\" size = small open = false mode = 0\n"
                                 "dish \"cake\" { price = 3 }\n"));
    assert_int_equal(1, house.cellar.bottles);
    assert_int_equal(-1, house.kitchen.seats);
    assert_string_equal("dog", house.kitchen.cook);
    assert_int_equal(SMALL, house.kitchen.size);
    assert_int_equal(0, house.kitchen.mode);
    assert_false(house.kitchen.open);
    assert_false(house.cellar.open);
    assert_int_equal(2, house.kitchen.n_dishes);
    const struct dish *soup = &house.kitchen.dishes[0], *cake = &house.kitchen.dishes[1];
    assert_string_equal("soup", soup->name);
    assert_int_equal(2, soup->place.line);
    assert_int_equal(2, soup->guests.n);
    assert_string_equal("b c", soup->guests.v[1]);
    assert_int_equal(0, soup->price);
    assert_true(soup->hot);
    assert_string_equal("2d", soup->keeps.text);
    assert_int_equal(2 * 86400, soup->keeps.seconds);
    assert_string_equal("cake", cake->name);
    assert_int_equal(4, cake->place.line);
    assert_int_equal(0, cake->guests.n);
    assert_int_equal(3, cake->price);
    assert_null(cake->keeps.text);
    leave(&house);
}

static void read_default(void *context)
{
    struct house house;

    assert_returns(0, read_house(&house, context, ""));
    assert_true(house.kitchen.open && house.cellar.open);
    leave(&house);
}

/* libconfuse would complain, on standard error. */
static void test_two_owners_may_read_a_key(void **state)
{
    char *said = unit_stderr_of(read_default, *state);

    assert_string_equal("", said);
    free(said);
}

/* What another program of the same file owns is no error, but must be right. */
static void test_what_is_not_wanted_is_looked_at(void **state)
{
    const struct unit_dir *dir = *state;
    struct cellar cellar;
    struct strings files = {0};
    const struct settings_part parts[] = {{&kitchen_table, NULL}, {&cellar_table, &cellar}};

    unit_put(dir->path, "a.conf", "cook = dog bottles = 2 dish soup {}\n");
    assert_returns(0, settings_read(unit_path(dir, "a.conf"), parts, 2, &files, &failure));
    assert_int_equal(2, cellar.bottles);
    strings_free(&files);
    unit_put(dir->path, "a.conf", "cook = cat bottles = 2\n");
    assert_fails(CONFIG, settings_read(unit_path(dir, "a.conf"), parts, 2, &files, &failure));
    strings_free(&files);
    settings_free(&cellar_table, &cellar);
}

/* Every way to spend lines before the fault, none of which may be counted wrongly. */
#define LINES_BEFORE                                                                               \
    "# 1\n"                                                                                        \
    "## 2 \" { \n"                                                                                 \
    "// 3\n"                                                                                       \
    "/* 4\n"                                                                                       \
    " * 5\n"                                                                                       \
    "*/ /* 6 */ cook = \"a\\\n"                                                                    \
    "7\" # 7 '\n"                                                                                  \
    "include(\"b.conf\") // 8\n"                                                                   \
    "mode = \"0700\"#9\n"                                                                          \
    "dish\n"                                                                                       \
    "  \"11\n"                                                                                     \
    "12\" { # 12 }\n"                                                                              \
    "  guests = {\"a\", # 13\n"                                                                    \
    "    'b\\\n"                                                                                   \
    "15', /* 15\n"                                                                                 \
    "*/}\n"                                                                                        \
    "}\n"
static const char included[] = "# 1\n/* 2\n*/\ndish \"b\" { # 4\n}\nseats = 5 # 5\n";

static void test_lines_are_counted_once(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {LINES_BEFORE "unknown = 1\n", "a.conf:18: no such option 'unknown'"},
        {LINES_BEFORE "seats = 101\n",
         "a.conf:18: seats = \"101\": must be a number from -1 to 100"},
        {LINES_BEFORE "\nsize = wide",
         "a.conf:19: size = \"wide\": must be one of \"small\", \"large\""},
        {LINES_BEFORE "size\n=\n\nwide\n", "a.conf:21: size = \"wide\""},
        {LINES_BEFORE "mode = 8\n", "a.conf:18: mode = \"8\": must be an octal mode"},
        {LINES_BEFORE "open = perhaps\n",
         "a.conf:18: open = \"perhaps\": must be one of \"false\""},
        {LINES_BEFORE "bottles = ten\n",
         "a.conf:18: bottles = \"ten\": must be a number from 0 to 9"},
        {LINES_BEFORE "cook = cat\n", "a.conf:18: cook = \"cat\": must not be a cat"},
        {LINES_BEFORE "dish x {\n\n price = 0\n}\n",
         "a.conf:18: price = \"0\" in dish: must be a number from 1"},
        {LINES_BEFORE "dish x {\n\n guests = {dog, cat} }\n",
         "a.conf:18: guests = \"cat\": must not be a cat"},
        {LINES_BEFORE "dish x {\n\n price = 3 # 20\n prize = 4\n}\n",
         "a.conf:21: no such option 'prize'"},
        {LINES_BEFORE "dish x { hot = perhaps }\n", "a.conf:18: "},
        {LINES_BEFORE "dish b { }\n", "a.conf:18: found duplicate title 'b'"},
        {LINES_BEFORE "dish x { line = 3 }\n", "a.conf:18: no such option 'line'"},
        {LINES_BEFORE "end-of-file()\n", "a.conf:18: no such option 'end-of-file'"},
        {LINES_BEFORE "include(\"none.conf\")\n", "none.conf: No such file"},
        {LINES_BEFORE "include(\"none.conf\")\n", "a.conf:18: configuration file "},
        {LINES_BEFORE "include()\n", "a.conf:18: include takes one file"},
        {LINES_BEFORE "include(\"\")\n", "a.conf:18: include takes one file"},
        {LINES_BEFORE "include(\"b.conf\", \"b.conf\")\n", "a.conf:18: include takes one file"},
        {LINES_BEFORE "include(\"b.conf\")", "b.conf:4: found duplicate title 'b'"},
        {LINES_BEFORE "dish x { include(\"b.conf\") }\n", "a.conf:18: no such option 'include'"},
    };
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "b.conf", included);
    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(dir, table[i].text, table[i].message);
}

static void test_what_is_wrong_in_an_included_file(void **state)
{
    static const struct {
        const char *more, *message;
    } table[] = {
        {"unknown = 1\n", "b.conf:7: no such option 'unknown'"},
        {"seats = 101\n", "b.conf:7: seats = \"101\": must be"},
        {"dish x {\n price = 0 }", "b.conf:7: price = \"0\" in dish"},
        {"dish x {\n price = 0", "b.conf:7: what begins here has no end"},
        {"dish \"11\n12\" { }", "a.conf:12: found duplicate title '11\n12'"},
        {"seats =", "b.conf:7: the file ends in the middle"},
        {"include(\"none.conf\")\n", "b.conf:7: configuration file "},
        {"\"\n", "b.conf:7: the string that begins here has no end"},
        {"include(\"c.conf\")\n", "c.conf:1: too many files: do they include each other?"},
    };
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "c.conf", "include(\"c.conf\")\n");
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", included, table[i].more);
        unit_put(dir->path, "b.conf", text);
        assert_refused(dir, LINES_BEFORE, table[i].message);
    }
}

/* A file that is cut off must not lose the end of its rules without a word. */
static void test_files_that_end_too_early(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"dish a {", "a.conf:1: what begins here has no end: a } is missing"},
        {"dish b { }\n\ndish a {\n guests = {x}\n", "a.conf:3: what begins here has no end"},
        {"dish a {\n guests = {x\n", "a.conf:1: what begins here has no end"},
        {"dish a {\n guests = {x,", "a.conf:1: what begins here has no end"},
        {"dish a {\n guests =\n", "a.conf:1: what begins here has no end"},
        {"dish a {\n guests\n", "a.conf:1: what begins here has no end"},
        {"dish a { # }", "a.conf:1: what begins here has no end"},
        {"dish a { guests = {\"x} }", "a.conf:1: the string that begins here has no end"},
        {"\ndish a { /* }\n}\n", "a.conf:2: the comment that begins here has no end"},
        {"seats =\n", "a.conf:1: the file ends in the middle of something"},
        {"\nseats", "a.conf:2: the file ends in the middle of something"},
        {"\ndish", "a.conf:2: the file ends in the middle of something"},
        {"dish a { }\ndish b\n", "a.conf:2: the file ends in the middle of something"},
        {"include\n", "a.conf:1: the file ends in the middle of something"},
        {"} } }", "a.conf:1: unexpected closing brace"},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

/* libconfuse 3.3 forgets the arguments of such a call, a few bytes, which is none of ours: in a
 * process that does not look for leaks as it ends. */
static int in_the_middle_of_a_call(void *context)
{
    assert_refused(context, "include(a", "a.conf:1: the file ends in the middle of something");
    return 0;
}

static void test_a_file_that_ends_in_a_call(void **state)
{
    struct unit_child child;

    unit_child_start(&child, in_the_middle_of_a_call, *state);
    assert_int_equal(0, unit_child_result(&child));
    unit_child_end(&child);
}

static void test_where_sections_begin(void **state)
{
    struct house house;

    unit_put(((const struct unit_dir *)*state)->path, "b.conf", included);
    assert_returns(0, read_house(&house, *state, LINES_BEFORE "dish ${HOME} {}\n"));
    assert_int_equal(3, house.kitchen.n_dishes);
    const struct dish *dishes = house.kitchen.dishes;
    assert_string_equal("b", dishes[0].name);
    assert_string_equal(house.files.v[1], dishes[0].place.file);
    assert_int_equal(4, dishes[0].place.line);
    assert_string_equal("11\n12", dishes[1].name);
    assert_string_equal(house.files.v[0], dishes[1].place.file);
    assert_int_equal(12, dishes[1].place.line); /* the brace */
    assert_string_equal("b15", dishes[1].guests.v[1]);
    assert_int_equal(18, dishes[2].place.line);
    leave(&house);
}

static void test_files_that_include_others(void **state)
{
    const struct unit_dir *dir = *state;
    struct house house;

    unit_put(dir->path, "more/b.conf", "seats = 2 include(\"c.conf\") cook = b\n");
    unit_put(dir->path, "more/c.conf", "seats = 3 cook = c bottles = 3");
    unit_put(dir->path, "empty.conf", "");
    assert_returns(0, read_house(&house, dir,
                                 "cook = a include('more/b.conf')\n"
                                 "include(\"empty.conf\") bottles = 4\n"));
    assert_int_equal(3, house.kitchen.seats); /* the last one counts */
    assert_string_equal("b", house.kitchen.cook);
    assert_int_equal(4, house.cellar.bottles);
    static const char *const names[] = {"a.conf", "more/b.conf", "more/c.conf", "empty.conf"};
    assert_int_equal(LENGTH_OF(names), house.files.n);
    for (size_t i = 0; i < LENGTH_OF(names); i++)
        assert_string_equal(unit_path(dir, names[i]), house.files.v[i]);
    leave(&house);
}

/* Also those that cannot be read: somebody may wait for them to change. */
static void test_files_are_named_after_an_error(void **state)
{
    const struct unit_dir *dir = *state;
    struct house house;

    assert_fails(CONFIG, read_house(&house, dir, "include(\"none.conf\")"));
    assert_int_equal(2, house.files.n);
    assert_string_equal(unit_path(dir, "none.conf"), house.files.v[1]);
    leave(&house);
}

static void test_the_environment_wins(void **state)
{
    struct house house;

    setenv("BERTH_SEATS", "9", 1);
    setenv("BERTH_COOK", "", 1); /* empty is unset */
    assert_returns(0, read_house(&house, *state, "seats = 8 cook = dog\n"));
    assert_int_equal(9, house.kitchen.seats);
    assert_string_equal("dog", house.kitchen.cook);
    leave(&house);
    setenv("BERTH_SEATS", "many", 1);
    assert_refused(*state, "seats = 8\n", "BERTH_SEATS: seats = \"many\": must be a number");
    unsetenv("BERTH_SEATS");
    unsetenv("BERTH_COOK");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_defaults),
        DIR_TEST(test_owners_share_a_file),
        DIR_TEST(test_two_owners_may_read_a_key),
        DIR_TEST(test_what_is_not_wanted_is_looked_at),
        DIR_TEST(test_lines_are_counted_once),
        DIR_TEST(test_what_is_wrong_in_an_included_file),
        DIR_TEST(test_files_that_end_too_early),
        DIR_TEST(test_a_file_that_ends_in_a_call),
        DIR_TEST(test_where_sections_begin),
        DIR_TEST(test_files_that_include_others),
        DIR_TEST(test_files_are_named_after_an_error),
        DIR_TEST(test_the_environment_wins),
    };

    return RUN(tests);
}
