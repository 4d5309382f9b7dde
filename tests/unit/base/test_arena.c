/* SPDX-License-Identifier: Apache-2.0
 * base/arena.c */
#include "unit/unit.h"

#include "base/arena.h"

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct arena arena = {0};
    unsigned char *pieces[200];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(pieces); i++) {
        size_t size = i * 7 % 100;
        pieces[i] = arena_alloc(&arena, size);
        assert_int_equal(0, (uintptr_t)pieces[i] % _Alignof(max_align_t));
        for (size_t k = 0; k < size; k++)
            assert_int_equal(0, pieces[i][k]);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < LENGTH_OF(pieces); i++)
        for (size_t k = 0; k < i * 7 % 100; k++)
            assert_int_equal(i, pieces[i][k]);
    arena_free(&arena);
}

static void test_pieces_larger_than_a_block(void **state)
{
    struct arena arena = {0};

    (void)state;
    char *before = arena_strndup(&arena, "before", 6);
    char *large = arena_alloc(&arena, 100000);
    char *after = arena_strndup(&arena, "after", 5);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(0, large[i]);
    memset(large, 'x', 100000);
    assert_string_equal("before", before);
    assert_string_equal("after", after);
    arena_free(&arena);
}

static void test_strndup_cuts_and_ends(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_string_equal("repo", arena_strndup(&arena, "repository", 4));
    assert_string_equal("", arena_strndup(&arena, "repository", 0));
    assert_memory_equal("a\0b\0", arena_strndup(&arena, "a\0bc", 3), 4);
    arena_free(&arena);
}

static void test_printf_of_any_length(void **state)
{
    struct arena arena = {0};
    char long_text[20001];

    (void)state;
    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_string_equal("a-17", arena_printf(&arena, "%s-%d", "a", 17));
    char *printed = arena_printf(&arena, "<%s>", long_text);
    assert_int_equal(sizeof long_text + 1, strlen(printed));
    assert_int_equal('>', printed[sizeof long_text]);
    arena_free(&arena);
}

/* A text that fills its piece has its NUL in there too. */
static void test_the_end_of_a_text_is_its_own(void **state)
{
    struct arena arena = {0};

    (void)state;
    char *copy = arena_strndup(&arena, "0123456789abcdef", 16);
    memset(arena_alloc(&arena, 16), 'x', 16);
    char *printed = arena_printf(&arena, "%s", "0123456789abcdef");
    memset(arena_alloc(&arena, 16), 'x', 16);
    assert_string_equal("0123456789abcdef", copy);
    assert_string_equal("0123456789abcdef", printed);
    arena_free(&arena);
}

static void test_is_ready_again_after_free(void **state)
{
    struct arena arena = {0};

    (void)state;
    arena_free(&arena);
    arena_alloc(&arena, 10);
    arena_free(&arena);
    assert_null(arena.last);
    assert_string_equal("x", arena_strndup(&arena, "x", 1));
    arena_free(&arena);
}

static int allocate_too_much(void *context)
{
    (void)context;
    struct arena arena = {0};
    return arena_alloc(&arena, SIZE_MAX) != NULL; /* rounded up it would wrap around */
}

static void test_out_of_memory_aborts(void **state)
{
    (void)state;
    assert_int_equal(SIGABRT, unit_signal_of(allocate_too_much, NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_pieces_larger_than_a_block),
        cmocka_unit_test(test_strndup_cuts_and_ends),
        cmocka_unit_test(test_printf_of_any_length),
        cmocka_unit_test(test_the_end_of_a_text_is_its_own),
        cmocka_unit_test(test_is_ready_again_after_free),
        cmocka_unit_test(test_out_of_memory_aborts),
    };

    return RUN(tests);
}
