/* SPDX-License-Identifier: Apache-2.0
 * base/amount.c */
#include "unit/unit.h"

#include "base/amount.h"

static void test_sizes(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } table[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 KiB"},
                 {1536, "1.5 KiB"},
                 {(int64_t)3 << 20, "3.0 MiB"},
                 {(int64_t)5 << 40, "5.0 TiB"},
                 {(int64_t)2000 << 50, "2000.0 PiB"},
                 {INT64_MAX, "8192.0 PiB"}};
    char out[AMOUNT_TEXT];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        amount_size(out, table[i].bytes);
        assert_string_equal(table[i].text, out);
    }
}

static void test_ages(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text, *brief;
    } table[] = {{0, "0 seconds", "0s"},
                 {1, "1 second", "1s"},
                 {59, "59 seconds", "59s"},
                 {60, "60 seconds", "1m"},
                 {119, "119 seconds", "1m"},
                 {120, "2 minutes", "2m"},
                 {3600, "60 minutes", "1h"},
                 {7200, "2 hours", "2h"},
                 {86400, "24 hours", "1d"},
                 {172800, "2 days", "2d"},
                 {INT64_MAX, "106751991167300 days", "106751991167300d"}};
    char out[AMOUNT_TEXT];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        amount_age(out, table[i].seconds);
        assert_string_equal(table[i].text, out);
        amount_age_short(out, table[i].seconds);
        assert_string_equal(table[i].brief, out);
    }
}

static void test_plurals(void **state)
{
    static const struct {
        int64_t n;
        const char *thing, *text;
    } table[] = {
        {0, "blob", "0 blobs"},
        {1, "blob", "1 blob"},
        {2, "layer link", "2 layer links"},
        {1, "repository", "1 repository"},
        {0, "repository", "0 repositories"},
        {2, "day", "2 days"},
        {2, "y", "2 ys"},
        {2, "", "2 s"},
        {INT64_MAX, "abcdefghijklmnopqrstuvwxyz", "9223372036854775807 abcdefghijklmnopqrstuvwxs"},
        {INT64_MAX, "abcdefghijklmnopqrstuvwxyy",
         "9223372036854775807 abcdefghijklmnopqrstuvwxies"}};
    char out[AMOUNT_TEXT];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        amount_count(out, table[i].n, table[i].thing);
        assert_string_equal(table[i].text, out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_plurals),
    };

    return RUN(tests);
}
