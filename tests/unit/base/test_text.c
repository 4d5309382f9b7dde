/* SPDX-License-Identifier: Apache-2.0
 * base/text.c */
#include "base/text.h"
#include "unit/unit.h"

static void shortened(const char *text, size_t size, const char *expected)
{
    char copy[512];

    snprintf(copy, sizeof copy, "%s", text);
    text_shorten(copy, size);
    assert_string_equal(expected, copy);
}

static void test_what_fits_stays(void **state)
{
    (void)state;
    shortened("", 16, "");
    shortened("exactly fifteen", 16, "exactly fifteen");
}

static void test_the_longest_word_gives_way(void **state)
{
    (void)state;
    shortened("the repository team/a-very-long-name-that-goes-on-and-on-and-on is not known", 64,
              "the repository team/a-very-long...on-and-on-and-on is not known");
}

static void test_long_words_share_the_loss(void **state)
{
    char text[512], first[101], second[101];

    (void)state;
    memset(first, 'a', 100);
    memset(second, 'b', 100);
    first[100] = second[100] = '\0';
    snprintf(text, sizeof text, "from %s to %s: no space", first, second);
    text_shorten(text, 120);
    assert_int_equal(119, strlen(text));
    assert_memory_equal("from aaaaaaaa", text, 13);
    assert_non_null(strstr(text, "aaaa to bbbb"));
    assert_string_equal("bbbb: no space", text + strlen(text) - 14);
}

static void test_many_short_words_lose_the_middle(void **state)
{
    (void)state;
    shortened("one two three four five six seven", 20, "one two ...ix seven");
}

static void test_no_character_is_cut_in_two(void **state)
{
    char text[128] = "";

    (void)state;
    for (int i = 0; i < 30; i++)
        memcpy(text + strlen(text), "\xe2\x82\xac", 4);
    for (size_t size = 90; size > 30; size--) {
        text_shorten(text, size);
        assert_true(strlen(text) < size);
        for (const char *c = text; *c;) {
            size_t n = *c == '.' ? 1 : 3;
            assert_true(n == 1 || memcmp(c, "\xe2\x82\xac", 3) == 0);
            c += n;
        }
    }
}

static void test_control_characters_are_escaped(void **state)
{
    AUTO_BUF out = BUF_INIT;

    (void)state;
    buf_addstr(&out, ">");
    text_add_escaped(&out, "plain \xc3\xa9 a\nb\r\x1b[2J\x7f");
    text_add_escaped(&out, "");
    assert_string_equal(">plain \xc3\xa9 a\\x0ab\\x0d\\x1b[2J\\x7f", out.s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_stays),
        cmocka_unit_test(test_the_longest_word_gives_way),
        cmocka_unit_test(test_long_words_share_the_loss),
        cmocka_unit_test(test_many_short_words_lose_the_middle),
        cmocka_unit_test(test_no_character_is_cut_in_two),
        cmocka_unit_test(test_control_characters_are_escaped),
    };

    return RUN(tests);
}
