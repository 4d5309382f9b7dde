/* SPDX-License-Identifier: Apache-2.0
 * base/rfc3339.c: points in time. */
#include "unit/unit.h"

#include "base/rfc3339.h"

static void test_time_is_rfc3339_in_utc(void **state)
{
    char text[RFC3339_SIZE];

    (void)state;
    rfc3339_format(text, 0);
    assert_string_equal("1970-01-01T00:00:00Z", text);
    rfc3339_format(text, 1709210096);
    assert_string_equal("2024-02-29T12:34:56Z", text);
    rfc3339_format(text, INT64_C(4102444799));
    assert_string_equal("2099-12-31T23:59:59Z", text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_is_rfc3339_in_utc),
    };

    return RUN(tests);
}
