/* SPDX-License-Identifier: Apache-2.0
 * base/decimal.c: decimal numbers. */
#include "unit/unit.h"

#include "base/decimal.h"

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_numbers),
        cmocka_unit_test(test_decimal_ends_at_the_length),
    };

    return RUN(tests);
}
