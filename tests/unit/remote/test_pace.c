/* SPDX-License-Identifier: Apache-2.0
 * remote/pace.c: how long to wait before something is tried again. */
#include "unit/unit.h"

#include "base/clock.h"
#include "remote/pace.h"

static void test_pauses_grow_and_differ(void **state)
{
    bool differs = false;

    (void)state;
    for (int n = 1, whole = PACE_FIRST_MS; n < 40; n++) {
        int first = pace_ms(n);
        for (int i = 0; i < 50; i++) {
            int ms = pace_ms(n);
            assert_in_range(ms, whole / 2, whole);
            differs = differs || ms != first;
        }
        whole = whole * 2 < PACE_MAX_MS ? whole * 2 : PACE_MAX_MS;
    }
    assert_true(differs);
}

static void test_sleeps_all_of_it(void **state)
{
    int64_t began = clock_ms();

    (void)state;
    pace_sleep(20);
    assert_true(clock_ms() - began >= 20);
    pace_sleep(0);
    pace_sleep(-1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_grow_and_differ),
        cmocka_unit_test(test_sleeps_all_of_it),
    };

    return RUN(tests);
}
