/* SPDX-License-Identifier: Apache-2.0
 * base/names.c */
#include "base/names.h"
#include "unit/unit.h"

static void test_added_sorted_found(void **state)
{
    static const char *const sorted[] = {"", "B", "_", "a", "a-b", "a.b", "aa"};
    AUTO_NAMES names = {0};
    char text[] = "aa";

    (void)state;
    names_sort(&names);
    assert_int_equal(0, names_before(&names, "a"));
    names_add(&names, text);
    text[0] = 'x'; /* it has its own copy */
    for (size_t i = LENGTH_OF(sorted) - 1; i > 0; i--)
        names_add(&names, sorted[i - 1]);
    names_sort(&names);
    assert_int_equal(LENGTH_OF(sorted), names.n);
    for (size_t i = 0; i < names.n; i++) {
        assert_string_equal(sorted[i], names_get(&names, i));
        assert_int_equal(i + 1, names_before(&names, sorted[i]));
    }
    assert_int_equal(1, names_before(&names, "A"));
    assert_int_equal(4, names_before(&names, "a!"));
    assert_int_equal(LENGTH_OF(sorted), names_before(&names, "b"));
}

static void test_many_take_little(void **state)
{
    struct names names = {0};
    char text[20];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(text, sizeof text, "v%05d", i);
        names_add(&names, text);
    }
    assert_string_equal("v99999", names_get(&names, 99999));
    assert_true(names.text.cap < 2 * 700000);
    names_free(&names);
    assert_int_equal(0, names.n);
    names_free(&names);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added_sorted_found),
        cmocka_unit_test(test_many_take_little),
    };

    return RUN(tests);
}
