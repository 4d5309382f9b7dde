/* SPDX-License-Identifier: Apache-2.0
 * base/mem.c */
#include "unit/unit.h"

#include "base/mem.h"

#include <stdlib.h>

static void test_memory_is_zeroed_and_never_null(void **state)
{
    (void)state;
    for (size_t size = 0; size < 5000; size += 311) {
        unsigned char *p = mem_alloc(size);
        assert_non_null(p);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(0, p[i]);
        memset(p, 0xff, size); /* so that the next one is zeroed by more than luck */
        free(p);
    }
}

static void test_growing_keeps_the_content(void **state)
{
    uint64_t *numbers = NULL;

    (void)state;
    for (size_t n = 1; n <= 1000; n++) {
        numbers = mem_grow(numbers, n, sizeof *numbers);
        numbers[n - 1] = n;
    }
    for (size_t n = 1; n <= 1000; n++)
        assert_int_equal(n, numbers[n - 1]);
    free(numbers);
    void *nothing = mem_grow(NULL, 0, 8);
    assert_non_null(nothing);
    free(nothing);
}

static void test_strdup_copies(void **state)
{
    char original[] = "name";

    (void)state;
    char *copy = mem_strdup(original);
    original[0] = 'X';
    assert_string_equal("name", copy);
    free(copy);
}

static int grow_beyond_size_max(void *context)
{
    (void)context;
    volatile size_t half = SIZE_MAX / 2 + 2; /* times two is 4 after the overflow */
    return mem_grow(NULL, half, 2) != NULL;
}

static int allocate_everything(void *context)
{
    (void)context;
    volatile size_t all = PTRDIFF_MAX;
    return mem_alloc(all) != NULL;
}

static void test_out_of_memory_aborts(void **state)
{
    (void)state;
    assert_int_equal(SIGABRT, unit_signal_of(grow_beyond_size_max, NULL));
    assert_int_equal(SIGABRT, unit_signal_of(allocate_everything, NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_never_null),
        cmocka_unit_test(test_growing_keeps_the_content),
        cmocka_unit_test(test_strdup_copies),
        cmocka_unit_test(test_out_of_memory_aborts),
    };

    return RUN(tests);
}
