/* SPDX-License-Identifier: Apache-2.0
 * base/fs_boot.c: which run of the kernel keeps what is not synced. */
#include "config.h"

#include "unit/unit.h"

#include "base/fs_boot.h"

#include <fcntl.h>

static void test_a_run_of_the_kernel_has_one_name(void **state)
{
    const struct store *store = *state;
    char first[UUID_SIZE], second[UUID_SIZE];

    /* Whatever the tests run on, it says the same each time. */
    int known = fs_boot(&store->fs, first);
    assert_int_equal(known, fs_boot(&store->fs, second));
    if (known) {
        assert_true(uuid_valid(first, strlen(first)));
        assert_string_equal(first, second);
    }
}

static void test_nobody_says_for_how_long_others_keep_bytes(void **state)
{
    struct fs_root other = {.fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    char id[UUID_SIZE];

    (void)state;
    assert_true(other.fd >= 0);
    assert_int_equal(0, fs_boot(&other, id));
    fs_root_close(&other);
    assert_int_equal(0, fs_boot(&other, id)); /* nor of what is not open */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_run_of_the_kernel_has_one_name),
        STORE_TEST(test_nobody_says_for_how_long_others_keep_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
