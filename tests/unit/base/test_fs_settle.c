/* SPDX-License-Identifier: Apache-2.0
 * base/fs_settle.c: what others made and may not have synced. */
#include "unit/later.h"
#include "unit/unit.h"

#include "base/dir.h"
#include "base/fs_settle.h"

#include <time.h>

/* As another process leaves it that was killed: none of it is synced. */
static struct fs_root *made_by_others(void **state, const char *path)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY unneeded = {0};

    later = 0;
    dir->root.durable = true;
    if (path)
        assert_returns(0, dir_make(&dir->root, path, &unneeded, &failure));
    return &dir->root;
}

static bool is_in(const struct dirty *dirty, const char *path)
{
    for (size_t i = 0; i < dirty->n; i++)
        if (!strcmp(dirty->path[i], path))
            return true;
    return false;
}

static void test_what_is_young_is_synced_with_its_young_ancestors(void **state)
{
    const struct fs_root *root = made_by_others(state, "a/b/c");
    AUTO_DIRTY dirty = {0};

    assert_returns(1, fs_settle(root, "a/b/c", &dirty, &failure));
    assert_int_equal(3, dirty.n);
    assert_true(is_in(&dirty, "a/b") && is_in(&dirty, "a") && is_in(&dirty, "."));
}

static void test_mkdirs_builds_on_nothing_young(void **state)
{
    const struct fs_root *root = made_by_others(state, "a/b");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, dir_make(root, "a/b", &dirty, &failure));
    assert_true(dirty.n == 2 && is_in(&dirty, "a") && is_in(&dirty, "."));
    dirty_free(&dirty);
    assert_returns(0, dir_make(root, "a/b/c", &dirty, &failure));
    assert_true(dirty.n == 3 && is_in(&dirty, "a/b"));
}

static void test_what_is_old_is_left_alone(void **state)
{
    const struct fs_root *root = made_by_others(state, "a/b/c");
    AUTO_DIRTY dirty = {0};

    later = FS_SETTLE_YOUNG_S - 20;
    assert_returns(1, fs_settle(root, "a/b/c", &dirty, &failure));
    assert_int_equal(3, dirty.n);
    dirty_free(&dirty);
    later = FS_SETTLE_YOUNG_S + 20;
    assert_returns(1, fs_settle(root, "a/b/c", &dirty, &failure));
    assert_returns(0, fs_settle(root, "a/b/none", &dirty, &failure));
    assert_returns(1, fs_settle_entries(root, "a/b", &dirty, &failure));
    assert_int_equal(0, dirty.n);
}

static void test_what_was_synced_is_known(void **state)
{
    const struct fs_root *root = made_by_others(state, "a/b");
    AUTO_DIRTY dirty = {0};

    assert_returns(1, fs_settle(root, "a/b", &dirty, &failure));
    assert_returns(0, dirty_sync(root, &dirty, &failure));
    assert_returns(1, fs_settle(root, "a/b", &dirty, &failure));
    assert_int_equal(0, dirty.n);
    assert_returns(0, dir_make(root, "a/b/c", &dirty, &failure));
    assert_true(dirty.n == 1 && is_in(&dirty, "a/b"));
    assert_returns(0, dirty_sync(root, &dirty, &failure));
    assert_returns(1, fs_settle(root, "a/b/c", &dirty, &failure));
    assert_int_equal(0, dirty.n);
    /* Made again, it is another one. */
    assert_returns(1, dir_remove(root, "a/b/c", &dirty, &failure));
    dirty_free(&dirty);
    made_by_others(state, "a/b/c");
    assert_returns(1, fs_settle(root, "a/b/c", &dirty, &failure));
    assert_true(is_in(&dirty, "a/b"));
}

static void test_that_something_is_gone_is_made_durable(void **state)
{
    const struct fs_root *root = made_by_others(state, "a/b");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, fs_settle(root, "a/gone/link", &dirty, &failure));
    assert_true(is_in(&dirty, "a"));
    dirty_free(&dirty);
    assert_returns(1, fs_settle_entries(root, "a", &dirty, &failure));
    assert_true(is_in(&dirty, "a"));
}

static void test_files_are_told_by_their_ctime(void **state)
{
    const struct fs_root *root = made_by_others(state, NULL);
    AUTO_DIRTY dirty = {0};

    assert_returns(0, fs_replace(root, "tmp", "a/link", "x", 1, &dirty, &failure));
    assert_returns(0, dirty_sync(root, &dirty, &failure));
    assert_returns(1, fs_settle(root, "a/link", &dirty, &failure));
    assert_true(dirty.n == 1 && is_in(&dirty, "a"));
    assert_returns(0, dirty_sync(root, &dirty, &failure));
    assert_returns(1, fs_settle(root, "a/link", &dirty, &failure));
    assert_int_equal(0, dirty.n);
    assert_returns(0, fs_replace(root, "tmp", "a/link", "y", 1, &dirty, &failure));
    dirty_free(&dirty);
    assert_returns(1, fs_settle(root, "a/link", &dirty, &failure));
    assert_true(is_in(&dirty, "a"));
}

/* Of files that are renewed for clients the times change, and not the places. */
static void test_what_is_renewed_is_where_it_was(void **state)
{
    const struct fs_root *root = made_by_others(state, NULL);
    AUTO_DIRTY dirty = {0};
    struct timespec wait = {.tv_nsec = 20000000};

    assert_returns(0, fs_replace(root, "tmp", "a/link", "x", 1, &dirty, &failure));
    dirty_free(&dirty);
    struct stat before, now;
    assert_returns(1, fs_stat(root, "a", &before, &failure));
    do { /* until the file alone is young */
        nanosleep(&wait, NULL);
        assert_returns(1, fs_touch(root, "a/link", &failure));
        assert_returns(1, fs_stat(root, "a/link", &now, &failure));
    } while (now.st_ctim.tv_sec <= before.st_ctim.tv_sec + 1);
    later += now.st_ctim.tv_sec - time(NULL) + FS_SETTLE_YOUNG_S - 1;
    assert_returns(1, fs_settle(root, "a/link", &dirty, &failure));
    assert_int_equal(0, dirty.n);
    later = 0;
    assert_returns(0, fs_replace(root, "tmp", "a/link", "y", 1, &dirty, &failure));
    dirty_free(&dirty);
    assert_returns(1, fs_settle(root, "a/link", &dirty, &failure));
    assert_true(is_in(&dirty, "a"));
}

static void test_without_durability_nothing_is_to_be_synced(void **state)
{
    struct fs_root *root = made_by_others(state, "a/b");
    AUTO_DIRTY dirty = {0};

    root->durable = false;
    assert_returns(1, fs_settle(root, "a/b", &dirty, &failure));
    assert_returns(0, fs_settle(root, "a/c", &dirty, &failure));
    assert_returns(1, fs_settle_entries(root, "a", &dirty, &failure));
    assert_int_equal(0, dirty.n);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_what_is_young_is_synced_with_its_young_ancestors),
        DIR_TEST(test_mkdirs_builds_on_nothing_young),
        DIR_TEST(test_what_is_old_is_left_alone),
        DIR_TEST(test_what_was_synced_is_known),
        DIR_TEST(test_that_something_is_gone_is_made_durable),
        DIR_TEST(test_files_are_told_by_their_ctime),
        DIR_TEST(test_what_is_renewed_is_where_it_was),
        DIR_TEST(test_without_durability_nothing_is_to_be_synced),
    };

    return RUN(tests);
}
