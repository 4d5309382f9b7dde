/* SPDX-License-Identifier: Apache-2.0
 * oci/tag.c: the grammar of tags. */
#include "unit/unit.h"

#include "oci/tag.h"

#include <stdlib.h>

static int parse_tag(const char *s, size_t len, struct tag *tag)
{
    char *exact = malloc(len + !len);

    assert_non_null(exact);
    memcpy(exact, s, len);
    int result = tag_parse(tag, exact, len, &failure);
    free(exact);
    return result;
}

static void test_tags(void **state)
{
    static const char *const tags[] = {
        "a",  "A",  "0",    "_",           "__",        "latest", "v1.2.3",     "1.0-rc.1", "a..b",
        "a.", "a-", "_._-", "UPPER_lower", "a---b___c", "_x",     "sha256-abc", "3.19.1",
    };
    struct tag tag;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(tags); i++) {
        assert_returns(0, parse_tag(tags[i], strlen(tags[i]), &tag));
        assert_string_equal(tags[i], tag.s);
    }
}

static void test_tags_that_are_none(void **state)
{
    static const char *const texts[] = {
        "",     ".",        "..",    "-",     ".a",  "-a",  ".INVALID_MANIFEST_NAME",
        "a/b",  "a:b",      "a b",   " a",    "a ",  "a\n", "a+b",
        "a@b",  "a%",       "a\\",   "~a",    "a=b", "a,b", "../",
        "a/..", "\xc3\xa9", "a\xff", "a\x7f", "a*",  "/",
    };
    struct tag tag;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_fails(MANIFEST_INVALID, parse_tag(texts[i], strlen(texts[i]), &tag));
    assert_fails(MANIFEST_INVALID, parse_tag("a\0b", 3, &tag));
    assert_fails(MANIFEST_INVALID, parse_tag("a\0", 2, &tag));
}

static void test_every_byte_of_a_tag(void **state)
{
    struct tag tag;

    (void)state;
    for (int c = 0; c < 256; c++) {
        bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        char alone[] = {(char)c}, behind[] = {'x', (char)c};
        assert_int_equal(word ? 0 : -1, parse_tag(alone, 1, &tag));
        assert_int_equal(word || c == '.' || c == '-' ? 0 : -1, parse_tag(behind, 2, &tag));
    }
}

static void test_length_of_tags(void **state)
{
    struct tag tag;
    char text[200];

    (void)state;
    memset(text, 'T', sizeof text);
    assert_returns(0, parse_tag(text, 128, &tag));
    assert_int_equal(128, strlen(tag.s));
    assert_fails(MANIFEST_INVALID, parse_tag(text, 129, &tag));
    assert_fails(MANIFEST_INVALID, parse_tag(text, 200, &tag));
}

static void test_a_message_names_all_of_it(void **state)
{
    char text[TAG_LEN_MAX + 1];
    struct tag tag;

    (void)state;
    memset(text, 't', TAG_LEN_MAX - 1);
    text[TAG_LEN_MAX - 1] = '+';
    text[TAG_LEN_MAX] = '\0';
    assert_fails(MANIFEST_INVALID, parse_tag(text, TAG_LEN_MAX, &tag));
    assert_non_null(strstr(failure.msg, text));
    assert_non_null(strstr(failure.msg, "not beginning with . or -"));
}

static void test_only_the_given_length_counts(void **state)
{
    struct tag tag;

    (void)state;
    assert_returns(0, tag_parse(&tag, "v1:/x", 2, &failure));
    assert_string_equal("v1", tag.s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_tags_that_are_none),
        cmocka_unit_test(test_every_byte_of_a_tag),
        cmocka_unit_test(test_length_of_tags),
        cmocka_unit_test(test_a_message_names_all_of_it),
        cmocka_unit_test(test_only_the_given_length_counts),
    };

    return RUN(tests);
}
