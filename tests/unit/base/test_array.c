/* SPDX-License-Identifier: Apache-2.0
 * base/array.c */
#include "base/array.h"
#include "unit/unit.h"

#include <stdint.h>
#include <stdlib.h>

static void test_items_are_added_zeroed(void **state)
{
    struct item {
        int number;
        const char *text;
    } *items = NULL;
    uint32_t n = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct item *item = ARRAY_ADD(items, n);
        assert_ptr_equal(&items[i], item);
        assert_null(item->text);
        item->number = i;
        item->text = "x";
    }
    assert_int_equal(1000, n);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(i, items[i].number);
    free(items);
}

static void test_it_may_shrink_in_between(void **state)
{
    int *items = NULL;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 17; i++)
        *ARRAY_ADD(items, n) = i;
    n = 7;
    for (int i = 7; i < 40; i++)
        *ARRAY_ADD(items, n) = i;
    for (int i = 0; i < 40; i++)
        assert_int_equal(i, items[i]);
    free(items);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_added_zeroed),
        cmocka_unit_test(test_it_may_shrink_in_between),
    };

    return RUN(tests);
}
