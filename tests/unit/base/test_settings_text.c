/* SPDX-License-Identifier: Apache-2.0
 * base/settings_text.c: the text of a configuration file, before libconfuse reads it. */
#include "unit/unit.h"

#include "base/settings_text.h"

#include <stdio.h>

static int read_text(const struct unit_dir *dir, const char *content, struct buf *text)
{
    unit_put(dir->path, "berth.conf", content);
    return settings_text_read(text, unit_path(dir, "berth.conf"), &failure);
}

static void assert_text(const struct unit_dir *dir, const char *content, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    assert_returns(0, read_text(dir, content, &text));
    assert_string_equal(expected, text.s);
}

static void test_comments_become_blanks(void **state)
{
    assert_text(*state, "", "\n");
    assert_text(*state, "a = b", "a = b");
    assert_text(*state, "# c\na = b # d\n", "   \na = b    \n");
    assert_text(*state, "// c\n//// }\na", "    \n      \na");
    assert_text(*state, "/* {\n * */a/* x", "    \n     a/* x");
    assert_text(*state, "/**//***/", "         ");
    assert_text(*state, "a = b#c\n", "a = b  \n"); /* so libconfuse takes it, too */
    assert_text(*state, "a = ${X # \"\n", "a = ${X    \n");
}

static void test_what_only_looks_like_a_comment(void **state)
{
    static const char *const same[] = {
        "a = /b//c\n",    "a = \"#\"\n",     "a = '//'\n",   "a = \"\\\"# c\"\n",
        "a = '\\'# c'\n", "a = \"\n# c\"\n", "a = ${X#Y}\n",
    };

    for (size_t i = 0; i < LENGTH_OF(same); i++)
        assert_text(*state, same[i], same[i]);
}

static void assert_refused(const struct unit_dir *dir, const char *content, const char *message)
{
    AUTO_BUF text = BUF_INIT;

    assert_fails(CONFIG, read_text(dir, content, &text));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", content, failure.msg, message);
}

/* What is behind them would be lost without a word. */
static void test_comments_without_end(void **state)
{
    assert_refused(*state, "a = b\n/* never\n ends",
                   "berth.conf:2: the comment that begins here has no end");
    assert_refused(*state, "/*/", "berth.conf:1: the comment");
    assert_refused(*state, "/**/ /* *", "berth.conf:1: the comment");
}

static void test_strings_without_end(void **state)
{
    assert_refused(*state, "a = b\nc = \"d\n\ne",
                   "berth.conf:2: the string that begins here has no end");
    assert_refused(*state, "/*\n*/# '\n\nc = 'd\\'", "berth.conf:4: ");
    assert_refused(*state, "a = \"\\", "berth.conf:1: ");
}

static void test_files_that_are_no_text(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put_bytes(dir->path, "nul", "a = b\0c\n", 8);
    unit_put(dir->path, "directory/file", "");
    static const char *const names[] = {"nul", "directory", "none"};
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        AUTO_BUF text = BUF_INIT;
        const char *path = unit_path(dir, names[i]);
        assert_fails(CONFIG, settings_text_read(&text, path, &failure));
        assert_non_null(strstr(failure.msg, path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_comments_become_blanks), DIR_TEST(test_what_only_looks_like_a_comment),
        DIR_TEST(test_comments_without_end),   DIR_TEST(test_strings_without_end),
        DIR_TEST(test_files_that_are_no_text),
    };

    return RUN(tests);
}
