/* SPDX-License-Identifier: Apache-2.0
 * base/progress.c */
#include "unit/unit.h"

#include "base/progress.h"

struct seen {
    const char *what;
    int64_t done, total;
    int calls;
};

static void note(void *context, const char *what, int64_t done, int64_t total)
{
    struct seen *seen = context;

    *seen = (struct seen){what, done, total, seen->calls + 1};
}

static void test_reaches_who_watches(void **state)
{
    struct seen seen = {0};
    const struct progress progress = {note, &seen};

    (void)state;
    progress_at(&progress, "hashing", 3, -1);
    assert_string_equal("hashing", seen.what);
    assert_int_equal(3, seen.done);
    assert_int_equal(-1, seen.total);
    assert_int_equal(1, seen.calls);
}

static void test_nobody_watches(void **state)
{
    const struct progress nobody = {0};

    (void)state;
    progress_at(NULL, "hashing", 3, 4);
    progress_at(&nobody, "hashing", 3, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reaches_who_watches),
        cmocka_unit_test(test_nobody_watches),
    };

    return RUN(tests);
}
