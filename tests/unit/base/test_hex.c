/* SPDX-License-Identifier: Apache-2.0
 * base/hex.c: both ways, and nothing but lower-case digits. */
#include "unit/unit.h"

#include "base/hex.h"

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_both_ways),
        cmocka_unit_test(test_hex_refuses_all_but_lower_case_digits),
    };

    return RUN(tests);
}
