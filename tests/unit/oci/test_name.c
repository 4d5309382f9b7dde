/* SPDX-License-Identifier: Apache-2.0
 * oci/name.c: the grammar of repository names. */
#include "unit/unit.h"

#include "oci/name.h"

#include <stdlib.h>

/* Parses a copy that is exactly as long: a parser that reads on is seen by a sanitizer. */
static int parse_name(const char *s, size_t len, struct name *name)
{
    char *exact = malloc(len + !len);

    assert_non_null(exact);
    memcpy(exact, s, len);
    int result = name_parse(name, exact, len, &failure);
    free(exact);
    return result;
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "a",
        "0",
        "alpine",
        "k8s.nginx",
        "library/alpine",
        "a/b/c/d/e/f/g/h",
        "a-b",
        "a--b",
        "a-----b",
        "a_b",
        "a__b",
        "a.b",
        "0.1.2",
        "a.b_c__d-e---f",
        "localhost/5000/x",
        "blobs/uploads",
        "a/tags/list",
        "v2/manifests/x",
        "xn--caf-dma",
    };
    struct name name;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        assert_returns(0, parse_name(names[i], strlen(names[i]), &name));
        assert_string_equal(names[i], name.s);
    }
}

static void test_names_that_are_none(void **state)
{
    static const char *const texts[] = {
        "",         "/",         "//",    "a/",   "/a",     "a//b",   "a/b/",  "A",        "aB",
        "a/B",      ".",         "..",    "../a", "a/..",   "a/../b", "a/./b", "./a",      ".a",
        "a.",       "a..b",      "a...b", "_a",   "a_",     "a___b",  "__a",   "-a",       "a-",
        "a.-b",     "a-.b",      "a_.b",  "a._b", "a_-b",   "a-_b",   "a/_b",  "a/.b",     "a/-b",
        "a/b_",     "a b",       " a",    "a ",   "a\n",    "a\tb",   "a:b",   "a@b",      "a%2fb",
        "a\\b",     "a+b",       "a~b",   "a*",   "a?b",    "a#b",    "$a",    "\xc3\xa9", "a\xff",
        "_uploads", "a/_layers", "a__/b", "a/__", "a\177b",
    };
    struct name name;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_fails(NAME_INVALID, parse_name(texts[i], strlen(texts[i]), &name));
}

/* Whoever reads the log sees which name it was, and what is wrong with it. */
static void test_a_message_names_all_of_it(void **state)
{
    char text[NAME_LEN_MAX + 1];
    struct name name;

    (void)state;
    memset(text, 'n', NAME_LEN_MAX - 1);
    text[NAME_LEN_MAX - 1] = 'Z';
    text[NAME_LEN_MAX] = '\0';
    assert_fails(NAME_INVALID, parse_name(text, NAME_LEN_MAX, &name));
    assert_non_null(strstr(failure.msg, text));
    assert_non_null(strstr(failure.msg, "separated by one of . _ __ -"));
}

static void test_names_hold_no_nul(void **state)
{
    struct name name;

    (void)state;
    assert_fails(NAME_INVALID, parse_name("a\0b", 3, &name));
    assert_fails(NAME_INVALID, parse_name("a\0", 2, &name));
    assert_fails(NAME_INVALID, parse_name("\0", 1, &name));
}

static void test_every_byte_of_a_name(void **state)
{
    struct name name;

    (void)state;
    for (int c = 0; c < 256; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool between = letter || c == '/' || c == '.' || c == '_' || c == '-';
        char alone[] = {(char)c}, inner[] = {'x', (char)c, 'y'};
        assert_int_equal(letter ? 0 : -1, parse_name(alone, 1, &name));
        assert_int_equal(between ? 0 : -1, parse_name(inner, 3, &name));
    }
}

static void test_length_of_names(void **state)
{
    struct name name;
    char text[300];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_returns(0, parse_name(text, 255, &name));
    assert_int_equal(255, strlen(name.s));
    assert_fails(NAME_INVALID, parse_name(text, 256, &name));
    assert_fails(NAME_INVALID, parse_name(text, 300, &name));
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = '/';
    assert_returns(0, parse_name(text, 255, &name));
    assert_memory_equal(text, name.s, 255);
    assert_fails(NAME_INVALID, parse_name(text, 254, &name)); /* ends in a slash */
    assert_fails(NAME_INVALID, parse_name(text, 257, &name));
}

static void test_only_the_given_length_counts(void **state)
{
    struct name name;

    (void)state;
    assert_returns(0, name_parse(&name, "alpine/../x", 6, &failure));
    assert_string_equal("alpine", name.s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_a_message_names_all_of_it),
        cmocka_unit_test(test_names_hold_no_nul),
        cmocka_unit_test(test_every_byte_of_a_name),
        cmocka_unit_test(test_length_of_names),
        cmocka_unit_test(test_only_the_given_length_counts),
    };

    return RUN(tests);
}
