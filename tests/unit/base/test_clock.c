/* SPDX-License-Identifier: Apache-2.0
 * base/clock.c: it goes as fast as time does, in both units. */
#include "unit/unit.h"

#include "base/clock.h"

#include <unistd.h>

static void test_it_goes(void **state)
{
    (void)state;
    int64_t ms = clock_ms();
    double seconds = clock_seconds();

    assert_true(seconds * 1000 - (double)ms >= 0 && seconds * 1000 - (double)ms < 5000);
    usleep(20000);
    assert_true(clock_ms() - ms >= 19 && clock_ms() - ms < 5000);
    assert_true(clock_seconds() - seconds >= 0.019 && clock_seconds() - seconds < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_goes)};

    return RUN(tests);
}
