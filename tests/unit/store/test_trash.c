/* SPDX-License-Identifier: Apache-2.0
 * store/trash.c */
#include "unit/unit.h"

#include "store/trash.h"

static void test_moved_at_once_and_taken_apart_later(void **state)
{
    const struct store *store = *state;
    AUTO_STRINGS trash = {0};
    AUTO_DIRTY dirty = {0};

    unit_put(store->path, "repositories/a/b/c", "text");
    unit_put(store->path, "repositories/d/e", "text");
    assert_returns(1, trash_move(store, "repositories/a", &trash, &dirty, &failure));
    assert_returns(0, trash_move(store, "repositories/a", &trash, &dirty, &failure));
    assert_returns(1, trash_move(store, "repositories/d", &trash, &dirty, &failure));
    assert_false(unit_exists(store->path, "repositories/a"));
    assert_int_equal(2, unit_count(store->path, "_berth/tmp"));
    assert_int_equal(2, trash.n);
    assert_returns(0, trash_empty(store, &trash, &failure));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_int_equal(0, trash.n);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_moved_at_once_and_taken_apart_later),
    };

    return RUN(tests);
}
