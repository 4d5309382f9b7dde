/* SPDX-License-Identifier: Apache-2.0
 * base/percent.c: decoding as of a query, and encoding. */
#include "unit/unit.h"

#include "base/percent.h"

static void test_percent_decoding(void **state)
{
    static const struct {
        const char *encoded;
        const char *decoded; /* NULL: broken */
    } table[] = {
        {"", ""},
        {"abc", "abc"},
        {"a%2Fb", "a/b"},
        {"a%2fb", "a/b"},
        {"%41%7a", "Az"},
        {"a+b%2Bc", "a b+c"},
        {"%C3%A9", "\xc3\xa9"},
        {"%25%34%31", "%41"}, /* once, not twice */
        {"%", NULL},
        {"%4", NULL},
        {"abc%4", NULL},
        {"%4g", NULL},
        {"%g4", NULL},
        {"%%41", NULL},
        {"% 41", NULL},
        {"%-1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF out = BUF_INIT;
        bool decoded = percent_decode_query(&out, table[i].encoded, strlen(table[i].encoded));
        assert_int_equal(table[i].decoded != NULL, decoded);
        if (decoded)
            assert_string_equal(table[i].decoded, out.s ? out.s : "");
    }
}

static void test_percent_decoding_ends_at_the_length(void **state)
{
    AUTO_BUF out = BUF_INIT;
    AUTO_BUF nul = BUF_INIT;

    (void)state;
    assert_false(percent_decode_query(&out, "%41", 2)); /* the rest is somebody else's */
    assert_true(percent_decode_query(&nul, "a%00b", 5));
    assert_int_equal(3, nul.len);
    assert_memory_equal("a\0b", nul.s, 3);
}

static void test_percent_encoding_is_undone_by_decoding(void **state)
{
    char all[256];

    (void)state;
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    AUTO_BUF encoded = BUF_INIT;
    AUTO_BUF decoded = BUF_INIT;
    percent_encode(&encoded, all);
    for (const char *c = encoded.s; *c; c++)
        assert_true((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("-._~/%", *c));
    assert_true(percent_decode_query(&decoded, encoded.s, encoded.len));
    assert_string_equal(all, decoded.s);

    AUTO_BUF some = BUF_INIT;
    percent_encode(&some, "/v2/a-b._~c/azAZ09/\xc3\xa9?n=1&x%`{@[:");
    assert_string_equal("/v2/a-b._~c/azAZ09/%C3%A9%3Fn%3D1%26x%25%60%7B%40%5B%3A", some.s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent_decoding),
        cmocka_unit_test(test_percent_decoding_ends_at_the_length),
        cmocka_unit_test(test_percent_encoding_is_undone_by_decoding),
    };

    return RUN(tests);
}
