/* SPDX-License-Identifier: Apache-2.0
 * base/uuid.c: random identifiers. */
#include "unit/unit.h"

#include "base/uuid.h"

static void test_uuids_are_random_version_4(void **state)
{
    char first[UUID_SIZE], second[UUID_SIZE];

    (void)state;
    for (int i = 0; i < 100; i++) {
        uuid_make(first);
        uuid_make(second);
        assert_true(uuid_valid(first, strlen(first)));
        assert_int_equal('4', first[14]);
        assert_non_null(strchr("89ab", first[19]));
        assert_string_not_equal(first, second);
    }
}

static void test_uuid_grammar(void **state)
{
    static const char *const invalid[] = {
        "",
        "..",
        "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdef0",
        "01234567-89AB-cdef-0123-456789abcdef",
        "0123456789ab-cdef-0123-456789abcdef00",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "01234567_89ab_cdef_0123_456789abcdef",
        "01234567-89ab-cdef-0123-/../../abcde",
    };

    (void)state;
    assert_true(uuid_valid("01234567-89ab-cdef-0123-456789abcdef", 36));
    for (size_t i = 0; i < LENGTH_OF(invalid); i++)
        assert_false(uuid_valid(invalid[i], strlen(invalid[i])));
    assert_false(uuid_valid("01234567-89ab-cdef-0123-456789abcde\0", 36));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uuids_are_random_version_4),
        cmocka_unit_test(test_uuid_grammar),
    };

    return RUN(tests);
}
