/* SPDX-License-Identifier: Apache-2.0
 * base/codec.c */
#include "unit/unit.h"

#include "base/codec.h"

static void test_hex_both_ways(void **state)
{
    unsigned char all[256], back[256];
    char hex[513];

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    hex_encode(hex, all, sizeof all);
    assert_memory_equal("000102030405060708090a0b0c0d0e0f10", hex, 34);
    assert_memory_equal("fdfeff", hex + 506, 7); /* with the NUL */
    assert_true(hex_decode(back, hex, sizeof back));
    assert_memory_equal(all, back, sizeof all);
    hex_encode(hex, all, 0);
    assert_string_equal("", hex);
}

static void test_hex_refuses_all_but_lower_case_digits(void **state)
{
    unsigned char byte;

    (void)state;
    for (int c = 0; c < 256; c++) {
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        char first[] = {(char)c, '0', 0}, second[] = {'0', (char)c, 0};
        assert_int_equal(digit, hex_decode(&byte, first, 1));
        assert_int_equal(digit, hex_decode(&byte, second, 1));
    }
}

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
        base64url_encode(&encoded, table[i][0], strlen(table[i][0]));
        assert_string_equal(table[i][1], encoded.s);
        assert_true(base64url_decode(&decoded, table[i][1], strlen(table[i][1])));
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
    base64url_encode(&encoded, all, sizeof all);
    assert_int_equal(342, encoded.len);
    assert_true(base64url_decode(&decoded, encoded.s, encoded.len));
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
        assert_true(base64_decode(&decoded, table[i][0], strlen(table[i][0])));
        assert_string_equal(table[i][1], decoded.s);
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
            base64url_decode(&out, neither[i], strlen(neither[i])))
            fail_msg("\"%s\" was decoded", neither[i]);
    }
    for (size_t i = 0; i < LENGTH_OF(plain_only); i++) {
        AUTO_BUF out = BUF_INIT;
        assert_true(base64_decode(&out, plain_only[i], strlen(plain_only[i])));
        assert_false(base64url_decode(&out, plain_only[i], strlen(plain_only[i])));
        assert_false(base64_decode(&out, url_only[i], strlen(url_only[i])));
        assert_true(base64url_decode(&out, url_only[i], strlen(url_only[i])));
    }
}

static void test_base64_ends_at_the_length(void **state)
{
    AUTO_BUF out = BUF_INIT;

    (void)state;
    assert_true(base64url_decode(&out, "Zm9v!", 4));
    assert_string_equal("foo", out.s);
    assert_false(base64url_decode(&out, "Zm\0v", 4));
    assert_false(base64_decode(&out, "Zm\0v", 4));
}

static void test_decimal_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: none */
    } table[] = {
        {"0", 0},
        {"007", 7},
        {"42", 42},
        {"9223372036854775806", INT64_MAX - 1},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", INT64_MAX},
        {"18446744073709551616", INT64_MAX}, /* 2^64, which wraps to 0 */
        {"18446744073709551617", INT64_MAX},
        {"99999999999999999999999999999999999999", INT64_MAX},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {" 1", -1},
        {"1 ", -1},
        {"1.0", -1},
        {"0x10", -1},
        {"1e9", -1},
        {"99999999999999999999x", -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t value = -1;
        assert_int_equal(table[i].value >= 0,
                         decimal_parse(table[i].text, strlen(table[i].text), &value));
        assert_int_equal(table[i].value, value);
    }
}

static void test_decimal_ends_at_the_length(void **state)
{
    int64_t value;

    (void)state;
    assert_true(decimal_parse("1234x", 4, &value));
    assert_int_equal(1234, value);
    assert_false(decimal_parse("1\0002", 3, &value));
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } table[] = {
        {"0s", 0},
        {"45s", 45},
        {"30m", 1800},
        {"12h", 43200},
        {"90d", 90 * 86400},
        {"52w", (int64_t)52 * 7 * 86400},
        {"36500d", (int64_t)36500 * 86400}, /* a hundred years */
        {"36501d", -1},
        {"99999999999999999999s", -1},
        {"", -1},
        {"h", -1},
        {"12", -1},
        {"12H", -1},
        {"12y", -1},
        {"12hh", -1},
        {"1h30m", -1},
        {"-1h", -1},
        {"+1h", -1},
        {" 1h", -1},
        {"1 h", -1},
        {"1h ", -1},
        {"1.5h", -1},
        {"0x1h", -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t seconds = -1;
        assert_int_equal(table[i].seconds >= 0, duration_parse(table[i].text, &seconds));
        assert_int_equal(table[i].seconds, seconds);
    }
}

static void test_time_is_rfc3339_in_utc(void **state)
{
    char text[RFC3339_SIZE];

    (void)state;
    rfc3339_format(text, 0);
    assert_string_equal("1970-01-01T00:00:00Z", text);
    rfc3339_format(text, 1709210096);
    assert_string_equal("2024-02-29T12:34:56Z", text);
    rfc3339_format(text, INT64_C(4102444799));
    assert_string_equal("2099-12-31T23:59:59Z", text);
}

static void test_uuids_are_random_version_4(void **state)
{
    char first[UUID_SIZE], second[UUID_SIZE];

    (void)state;
    for (int i = 0; i < 100; i++) {
        uuid_make(first);
        uuid_make(second);
        assert_true(uuid_valid(first, strlen(first)));
        assert_int_equal('4', first[14]);
        assert_non_null(strchr("89ab", first[19]));
        assert_string_not_equal(first, second);
    }
}

static void test_uuid_grammar(void **state)
{
    static const char *const invalid[] = {
        "",
        "..",
        "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdef0",
        "01234567-89AB-cdef-0123-456789abcdef",
        "0123456789ab-cdef-0123-456789abcdef00",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "01234567_89ab_cdef_0123_456789abcdef",
        "01234567-89ab-cdef-0123-/../../abcde",
    };

    (void)state;
    assert_true(uuid_valid("01234567-89ab-cdef-0123-456789abcdef", 36));
    for (size_t i = 0; i < LENGTH_OF(invalid); i++)
        assert_false(uuid_valid(invalid[i], strlen(invalid[i])));
    assert_false(uuid_valid("01234567-89ab-cdef-0123-456789abcde\0", 36));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_both_ways),
        cmocka_unit_test(test_hex_refuses_all_but_lower_case_digits),
        cmocka_unit_test(test_percent_decoding),
        cmocka_unit_test(test_percent_decoding_ends_at_the_length),
        cmocka_unit_test(test_percent_encoding_is_undone_by_decoding),
        cmocka_unit_test(test_base64url_both_ways),
        cmocka_unit_test(test_base64url_of_all_bytes),
        cmocka_unit_test(test_base64_has_its_own_alphabet_and_padding),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_base64_ends_at_the_length),
        cmocka_unit_test(test_decimal_numbers),
        cmocka_unit_test(test_decimal_ends_at_the_length),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_time_is_rfc3339_in_utc),
        cmocka_unit_test(test_uuids_are_random_version_4),
        cmocka_unit_test(test_uuid_grammar),
    };

    return RUN(tests);
}
