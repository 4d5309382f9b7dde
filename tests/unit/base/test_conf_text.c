/* SPDX-License-Identifier: Apache-2.0
 * base/conf_text.c: the text of berth.conf, before libconfuse reads it. */
#include "unit/unit.h"

#include "base/conf_text.h"

#include <stdio.h>

static int read_text(const struct unit_dir *dir, const char *content, struct conf_text *text)
{
    char path[128];

    unit_put(dir->path, "berth.conf", content);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    return conf_text_read(text, path, &failure);
}

static void assert_text(const struct unit_dir *dir, const char *content, const char *expected)
{
    struct conf_text text;

    assert_returns(0, read_text(dir, content, &text));
    assert_string_equal(expected, text.text.s);
    conf_text_free(&text);
}

static void test_comments_become_blanks(void **state)
{
    assert_text(*state, "", "\n");
    assert_text(*state, "a = b", "a = b");
    assert_text(*state, "# c\na = b # d\n", "   \na = b    \n");
    assert_text(*state, "// c\n//// }\na", "    \n      \na");
    assert_text(*state, "/* {\n * */a/* x", "    \n     a/* x");
    assert_text(*state, "/* never\n ends", "        \n     ");
}

static void test_what_only_looks_like_a_comment(void **state)
{
    static const char *const same[] = {
        "a = b#c\n",         "a = /b//c\n",    "a = \"#\"\n",     "a = '//'\n",
        "a = \"\\\"# c\"\n", "a = '\\'# c'\n", "a = \"\n# c\"\n", "a = ${X#Y}\n",
    };

    for (size_t i = 0; i < LENGTH_OF(same); i++)
        assert_text(*state, same[i], same[i]);
}

static void test_where_sections_begin(void **state)
{
    struct conf_text text;

    assert_returns(0, read_text(*state,
                                "# group \"x\" {\n"
                                "a = group b = {\"c\",\n\"{\"} c += d\n"
                                "group \"a\" { members = {\"b\",\n"
                                "  repository } }\n"
                                "repository\n"
                                "  b\n"
                                "  { pull = {\"}\"} } group 'c' { }\n"
                                "/* } */ repository \"${X}\" { # }\n"
                                "} issuer ${ISS} {}\n",
                                &text));
    assert_int_equal(4, conf_text_line(&text, "group", 0));
    assert_int_equal(8, conf_text_line(&text, "group", 1));
    assert_int_equal(0, conf_text_line(&text, "group", 2));
    assert_int_equal(6, conf_text_line(&text, "repository", 0));
    assert_int_equal(9, conf_text_line(&text, "repository", 1));
    assert_int_equal(0, conf_text_line(&text, "repository", 2));
    assert_int_equal(10, conf_text_line(&text, "issuer", 0));
    assert_int_equal(5, text.n);
    conf_text_free(&text);
}

static void assert_refused(const struct unit_dir *dir, const char *content, const char *message)
{
    struct conf_text text;

    assert_fails(CONFIG, read_text(dir, content, &text));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", content, failure.msg, message);
    conf_text_free(&text);
}

/* A file that is cut off must not lose the end of its rules without a word. */
static void test_a_section_without_end(void **state)
{
    assert_refused(*state, "repository a {", "berth.conf:1: ");
    assert_refused(*state, "group b { }\n\nrepository a {\n pull = {x}\n", "berth.conf:3: ");
    assert_refused(*state, "repository a {\n pull = {x\n", "berth.conf:1: ");
    assert_refused(*state, "repository a { pull = {\"x} }", "berth.conf:1: ");
    assert_refused(*state, "repository a { # }", "berth.conf:1: ");
    assert_text(*state, "} } }", "} } }"); /* which libconfuse refuses */
}

static void test_files_that_are_no_text(void **state)
{
    const struct unit_dir *dir = *state;
    struct conf_text text;

    unit_put_bytes(dir->path, "nul", "a = b\0c\n", 8);
    unit_put(dir->path, "directory/file", "");
    static const char *const names[] = {"nul", "directory", "none"};
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir->path, names[i]);
        assert_fails(CONFIG, conf_text_read(&text, path, &failure));
        assert_non_null(strstr(failure.msg, path));
        conf_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_comments_become_blanks), DIR_TEST(test_what_only_looks_like_a_comment),
        DIR_TEST(test_where_sections_begin),   DIR_TEST(test_a_section_without_end),
        DIR_TEST(test_files_that_are_no_text),
    };

    return RUN(tests);
}
