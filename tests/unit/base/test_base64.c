/* SPDX-License-Identifier: Apache-2.0
 * base/base64.c: both alphabets, strictly. */
#include "unit/unit.h"

#include "base/base64.h"

static void test_base64url_both_ways(void **state)
{
    static const char *const table[][2] = {
        /* RFC 4648, section 10 */
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF encoded = BUF_INIT;
        AUTO_BUF decoded = BUF_INIT;
        buf_addstr(&encoded, "");
        buf_addstr(&decoded, "");
        base64_encode_url(&encoded, table[i][0], strlen(table[i][0]));
        assert_string_equal(table[i][1], encoded.s);
        assert_true(base64_decode_url(&decoded, table[i][1], strlen(table[i][1])));
        assert_int_equal(strlen(table[i][0]), decoded.len);
        assert_string_equal(table[i][0], decoded.s);
    }
}

static void test_base64url_of_all_bytes(void **state)
{
    AUTO_BUF encoded = BUF_INIT;
    AUTO_BUF decoded = BUF_INIT;
    unsigned char all[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    base64_encode_url(&encoded, all, sizeof all);
    assert_int_equal(342, encoded.len);
    assert_true(base64_decode_url(&decoded, encoded.s, encoded.len));
    assert_int_equal(sizeof all, decoded.len);
    assert_memory_equal(all, decoded.s, sizeof all);
}

static void test_base64_has_its_own_alphabet_and_padding(void **state)
{
    static const char *const table[][2] = {
        {"Zg==", "f"},        {"Zm8=", "fo"},         {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"}, {"Zm9vYmFy", "foobar"}, {"+/+/", "\xfb\xff\xbf"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF decoded = BUF_INIT;
        AUTO_BUF encoded = BUF_INIT;
        assert_true(base64_decode(&decoded, table[i][0], strlen(table[i][0])));
        assert_string_equal(table[i][1], decoded.s);
        base64_encode(&encoded, decoded.s, decoded.len);
        assert_string_equal(table[i][0], encoded.s);
    }
}

static void test_base64_is_strict(void **state)
{
    static const char *const neither[] = {
        "A",
        "AAAAA",
        "Z",
        "Zm9vY",
        "Zm 9",
        "Zm9v\n",
        "Z===",
        "====",
        "Zg==Zg==",
        "=Zg=",
        "Zm9v=",
        "Zg=\x80",
        "\xc3\xa9Zg",
        /* Stray bits. */
        "Zh==",
        "Zh",
        "Zm9",
        "Zm9=",
    };
    static const char *const plain_only[] = {"Zg==", "Zm8=", "+/+/"};
    static const char *const url_only[] = {"Zg", "Zm8", "-_-_"};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(neither); i++) {
        AUTO_BUF out = BUF_INIT;
        if (base64_decode(&out, neither[i], strlen(neither[i])) ||
            base64_decode_url(&out, neither[i], strlen(neither[i])))
            fail_msg("\"%s\" was decoded", neither[i]);
    }
    for (size_t i = 0; i < LENGTH_OF(plain_only); i++) {
        AUTO_BUF out = BUF_INIT;
        assert_true(base64_decode(&out, plain_only[i], strlen(plain_only[i])));
        assert_false(base64_decode_url(&out, plain_only[i], strlen(plain_only[i])));
        assert_false(base64_decode(&out, url_only[i], strlen(url_only[i])));
        assert_true(base64_decode_url(&out, url_only[i], strlen(url_only[i])));
    }
}

static void test_base64_ends_at_the_length(void **state)
{
    AUTO_BUF out = BUF_INIT;

    (void)state;
    assert_true(base64_decode_url(&out, "Zm9v!", 4));
    assert_string_equal("foo", out.s);
    assert_false(base64_decode_url(&out, "Zm\0v", 4));
    assert_false(base64_decode(&out, "Zm\0v", 4));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url_both_ways),
        cmocka_unit_test(test_base64url_of_all_bytes),
        cmocka_unit_test(test_base64_has_its_own_alphabet_and_padding),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_base64_ends_at_the_length),
    };

    return RUN(tests);
}
