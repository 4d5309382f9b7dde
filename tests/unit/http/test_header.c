/* SPDX-License-Identifier: Apache-2.0
 * http/header.c: values of headers. */
#include "unit/unit.h"

#include "http/header.h"

#include <stdio.h>
#include <stdlib.h>

static void test_content_range(void **state)
{
    static const struct {
        const char *value;
        int64_t first, last; /* -1: refused */
    } table[] = {
        {"0-0", 0, 0},
        {"0-1023", 0, 1023},
        {" 5-9 ", 5, 9},
        {"9-5", 9, 5}, /* the order is the caller's to judge */
        {"bytes 0-9/10", 0, 9},
        {"bytes 0-9/*", 0, 9},
        {"Bytes 0-9/10", 0, 9},
        {"bytes  0-9", 0, 9},
        {"0-99999999999999999999", 0, INT64_MAX},
        {"", -1, -1},
        {"-", -1, -1},
        {"0", -1, -1},
        {"0-", -1, -1},
        {"-5", -1, -1},
        {"a-5", -1, -1},
        {"5-a", -1, -1},
        {"0 - 5", -1, -1},
        {"0-5x", -1, -1},
        {"0-5/10", -1, -1}, /* neither the one form nor the other */
        {"0-5,7-9", -1, -1},
        {"+0-5", -1, -1},
        {"0--5", -1, -1},
        {"bytes=0-5", -1, -1},
        {"bytes 0-5x", -1, -1},
        {"bytes */10", -1, -1},
        {"bytes", -1, -1},
        {"items 0-5/10", -1, -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t first = -1, last = -1;
        char *exact = strdup(table[i].value); /* a sanitizer sees who reads beyond its end */
        bool valid = header_content_range(exact, &first, &last);
        free(exact);
        if (valid != (table[i].first >= 0))
            fail_msg("\"%s\" was %s", table[i].value, valid ? "accepted" : "refused");
        if (valid) {
            assert_int_equal(table[i].first, first);
            assert_int_equal(table[i].last, last);
        }
    }
}

/* What a Range asks of 2048 bytes, as text: "none", "416", or the ranges. */
static void assert_ranges(const char *value, int64_t size, const char *expected)
{
    static struct byte_range ranges[RANGE_MAX];
    char text[200] = "";
    size_t n = 99, len = 0;
    char *exact = value ? strdup(value) : NULL; /* a sanitizer sees who reads beyond its end */
    enum range_verdict verdict = header_range(exact, size, ranges, &n);

    free(exact);
    switch (verdict) {
    case RANGE_NONE:
        snprintf(text, sizeof text, "none");
        break;
    case RANGE_UNSATISFIABLE:
        snprintf(text, sizeof text, "416");
        break;
    case RANGE_SOME:
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%jd-%jd", i ? " " : "",
                                    (intmax_t)ranges[i].first, (intmax_t)ranges[i].last);
        break;
    }
    if (strcmp(text, expected) != 0)
        fail_msg("\"%s\" of %jd bytes is %s, not %s", value, (intmax_t)size, text, expected);
}

static void test_ranges_of_a_blob(void **state)
{
    static const struct {
        const char *value;
        const char *expected;
    } table[] = {
        {"bytes=0-0", "0-0"},
        {"bytes=500-1499", "500-1499"},
        {"bytes=500-", "500-2047"},
        {"bytes=-500", "1548-2047"},
        {"bytes=-5000", "0-2047"},
        {"bytes=2000-5000", "2000-2047"},
        {"bytes=2047-2047", "2047-2047"},
        {"bytes=0-99999999999999999999", "0-2047"},
        {"Bytes=0-1", "0-1"},
        {"bytes=0-1,10-11,-1", "0-1 10-11 2047-2047"},
        {"bytes= 0-1 ,\t10-11 ", "0-1 10-11"},
        {"bytes=10-11,0-1", "10-11 0-1"}, /* in the order that was asked */
        {"bytes=5000-6000,0-1", "0-1"},   /* one that can be satisfied is enough */
        {"bytes=2048-", "416"},
        {"bytes=5000-10000", "416"},
        {"bytes=500-0", "416"},
        {"bytes=0-1,500-0", "416"},
        {"bytes=-0", "416"},
        {"bytes=99999999999999999999-", "416"},
        {"bytes=", "416"},
        {"bytes=-", "416"},
        {"bytes=-,0-1", "416"},
        {"bytes=0-1,1", "416"},
        {"bytes=,", "416"},
        {"bytes=0-1,", "416"},
        {"bytes=a-b", "416"},
        {"bytes=0-1x", "416"},
        {"bytes=0 -1", "416"},
        {"bytes=0-1 2-3", "416"},
        {"bytes=--1", "416"},
        {"bytes=1", "416"},
        {"bytes 0-1", "none"},
        {"items=0-1", "none"},
        {"", "none"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_ranges(table[i].value, 2048, table[i].expected);
    assert_ranges(NULL, 2048, "none");
}

static void test_ranges_of_the_extremes(void **state)
{
    (void)state;
    assert_ranges("bytes=0-", 0, "416");
    assert_ranges("bytes=-1", 0, "416");
    assert_ranges("bytes=0-", 1, "0-0");
    assert_ranges("bytes=-1", 1, "0-0");
    assert_ranges("bytes=1-", 1, "416");
    assert_ranges("bytes=9223372036854775806-", INT64_MAX,
                  "9223372036854775806-9223372036854775806");
    assert_ranges("bytes=-9223372036854775807", INT64_MAX, "0-9223372036854775806");
}

/* What asks for more than there is gets all of it. */
static void test_ranges_longer_than_the_blob(void **state)
{
    (void)state;
    assert_ranges("bytes=0-1023,1024-2047", 2048, "0-1023 1024-2047");
    assert_ranges("bytes=0-1023,1023-2047", 2048, "none");
    assert_ranges("bytes=0-,0-0", 2048, "none");
    assert_ranges("bytes=0-,0-", INT64_MAX, "none");
}

static void test_more_ranges_than_are_served(void **state)
{
    static struct byte_range ranges[RANGE_MAX];
    static char value[sizeof "bytes=" + 4 * (RANGE_MAX + 1)] = "bytes=0-0";
    size_t n;

    (void)state;
    for (int i = 1; i < RANGE_MAX; i++)
        memcpy(value + strlen(value), ",0-0", 5);
    assert_int_equal(RANGE_SOME, header_range(value, RANGE_MAX + 1, ranges, &n));
    assert_int_equal(RANGE_MAX, n);
    memcpy(value + strlen(value), ",0-0", 5);
    assert_int_equal(RANGE_NONE, header_range(value, RANGE_MAX + 1, ranges, &n));
}

/* Issue 10, item 8: together they are not dearer than podman's are. One may be of any length. */
static void test_8_ranges_have_a_total(void **state)
{
    (void)state;
    assert_ranges("bytes=0-33554431,33554432-67108863", INT64_MAX, "0-33554431 33554432-67108863");
    assert_ranges("bytes=0-33554431,33554432-67108864", INT64_MAX, "none");
    assert_ranges("bytes=0-99999999,200000000-200000000", INT64_MAX, "none");
    assert_ranges("bytes=0-99999999", INT64_MAX, "0-99999999");
}

static void test_entity_tags(void **state)
{
    static const struct {
        const char *value;
        bool matches;
    } table[] = {
        {"\"sha256:ab\"", true},
        {" \"sha256:ab\" ", true},
        {"\"x\", \"sha256:ab\"", true},
        {"\"x\",\"y\"\t, \"sha256:ab\",\"z\"", true},
        {"W/\"sha256:ab\"", true},
        {"\"x\", W/\"sha256:ab\"", true},
        {"*", true},
        {" *", true},
        {"\"x\", *", true},
        {"", false},
        {"sha256:ab", false},
        {"\"sha256:ab", false},
        {"\"sha256:a\"", false},
        {"\"sha256:abc\"", false},
        {"\"SHA256:ab\"", false},
        {"\"x\" sha256:ab", false},
        {"w/\"sha256:ab\"", false},
        {"\"\"", false},
        {",,,", false},
        {"\"a\\\"sha256:ab\"", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        bool matches = header_etag_matches(table[i].value, "sha256:ab", true, ETAG_WEAK);
        if (matches != table[i].matches)
            fail_msg("%s %s", table[i].value, matches ? "matches" : "does not match");
        /* Nothing matches what is not there, not even an empty tag. */
        assert_false(header_etag_matches(table[i].value, "", false, ETAG_WEAK));
    }
    assert_true(header_etag_matches("W/\"sha256:ab\"", "sha256:ab", true, ETAG_WEAK));
    assert_false(header_etag_matches("W/\"sha256:ab\"", "sha256:ab", true, ETAG_STRONG));
    assert_true(header_etag_matches("W/\"a\", \"sha256:ab\"", "sha256:ab", true, ETAG_STRONG));
    assert_true(header_etag_matches("*", "sha256:ab", true, ETAG_STRONG));
}

static void test_media_type_without_parameters(void **state)
{
    static const struct {
        const char *value;
        const char *type;
    } table[] = {
        {"application/json", "application/json"},
        {"application/json; charset=utf-8", "application/json"},
        {"application/json;charset=utf-8", "application/json"},
        {"application/json ;x", "application/json"},
        {"application/json\tx", "application/json"},
        {"", ""},
        {";", ""},
        {"0123456789abcdef/01", "0123456789abcdef/01"},
        {"0123456789abcdef/012", "0123456789abcdef/01"}, /* cut */
        {"0123456789abcdef/0123456789", "0123456789abcdef/01"},
    };
    char out[21];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        memset(out, '#', sizeof out);
        header_media_type(table[i].value, out, 20);
        assert_string_equal(table[i].type, out);
        assert_int_equal('#', out[20]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_ranges_of_a_blob),
        cmocka_unit_test(test_ranges_of_the_extremes),
        cmocka_unit_test(test_ranges_longer_than_the_blob),
        cmocka_unit_test(test_more_ranges_than_are_served),
        cmocka_unit_test(test_8_ranges_have_a_total),
        cmocka_unit_test(test_entity_tags),
        cmocka_unit_test(test_media_type_without_parameters),
    };

    return RUN(tests);
}
