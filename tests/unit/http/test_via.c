/* SPDX-License-Identifier: Apache-2.0
 * http/via.c: Via. */
#include "unit/unit.h"

#include "http/via.h"

static void test_via(void **state)
{
    static const struct {
        const char *value;
        bool names;
    } table[] = {
        {"1.1 berth-4f", true},
        {"HTTP/1.1 BERTH-4F", true},
        {"1.0 fred, 1.1 berth-4f (Apache, 1.1 x)", true},
        {"1.0 fred (a (nested, 1.1 x) \\) comment) , 1.1 berth-4f", true},
        {"1.1 berth-4f2", false},
        {"1.1 berth", false},
        {"1.0 fred (1.1 berth-4f), 1.1 nowhere", false},
        {"1.0 fred (x, 1.1 berth-4f", false},
        {"1.1 x (\\", false},
        {"berth-4f", false},
        {"berth-4f 1.1", false},
        {"", false},
        {" , ,", false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++)
        if (via_names(table[i].value, "berth-4f") != table[i].names)
            fail_msg("%s", table[i].value);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_via)};

    return RUN(tests);
}
