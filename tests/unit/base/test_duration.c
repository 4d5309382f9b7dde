/* SPDX-License-Identifier: Apache-2.0
 * base/duration.c: lengths of time. */
#include "unit/unit.h"

#include "base/duration.h"

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } table[] = {
        {"0s", 0},
        {"45s", 45},
        {"30m", 1800},
        {"12h", 43200},
        {"90d", 90 * 86400},
        {"52w", (int64_t)52 * 7 * 86400},
        {"36500d", (int64_t)36500 * 86400}, /* a hundred years */
        {"36501d", -1},
        {"99999999999999999999s", -1},
        {"", -1},
        {"h", -1},
        {"12", -1},
        {"12H", -1},
        {"12y", -1},
        {"12hh", -1},
        {"1h30m", -1},
        {"-1h", -1},
        {"+1h", -1},
        {" 1h", -1},
        {"1 h", -1},
        {"1h ", -1},
        {"1.5h", -1},
        {"0x1h", -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t seconds = -1;
        assert_int_equal(table[i].seconds >= 0, duration_parse(table[i].text, &seconds));
        assert_int_equal(table[i].seconds, seconds);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
    };

    return RUN(tests);
}
