/* SPDX-License-Identifier: Apache-2.0
 * base/strings.c */
#include "base/strings.h"
#include "unit/unit.h"

static void test_added_sorted_found(void **state)
{
    AUTO_STRINGS strings = {0};
    char text[] = "b";

    (void)state;
    assert_false(strings_has(&strings, "b"));
    strings_sort(&strings);
    strings_add(&strings, text);
    text[0] = 'x'; /* it has its own copy */
    strings_add(&strings, "a");
    strings_add(&strings, "B");
    strings_sort(&strings);
    assert_int_equal(3, strings.n);
    assert_string_equal("B", strings.v[0]);
    assert_string_equal("a", strings.v[1]);
    assert_string_equal("b", strings.v[2]);
    assert_true(strings_has(&strings, "b"));
    assert_false(strings_has(&strings, "x"));
}

static void test_many(void **state)
{
    struct strings strings = {0};
    char text[20];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", 999 - i);
        strings_add(&strings, text);
    }
    strings_sort(&strings);
    assert_string_equal("0", strings.v[0]);
    assert_string_equal("999", strings.v[999]);
    strings_free(&strings);
    assert_int_equal(0, strings.n);
    assert_null(strings.v);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added_sorted_found),
        cmocka_unit_test(test_many),
    };

    return RUN(tests);
}
