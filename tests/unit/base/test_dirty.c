/* SPDX-License-Identifier: Apache-2.0
 * base/dirty.c: the set of directories that are to reach the disk. */
#include "unit/unit.h"

#include "base/dirty.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stands in for libc's, to count. */
int fsync(int fd);

static int fsyncs, syncs_of_all;

int syncfs(int fd);

int syncfs(int fd)
{
    (void)fd;
    syncs_of_all++;
    return 0;
}

int fsync(int fd)
{
    fsyncs++;
    return (int)syscall(SYS_fsync, fd);
}

static void test_dirty_is_a_set(void **state)
{
    AUTO_DIRTY dirty = {0};

    (void)state;
    dirty_add(&dirty, "a");
    dirty_add(&dirty, "a/b");
    dirty_add(&dirty, "a");
    dirty_add_parent(&dirty, "a/b/file");
    dirty_add_parent(&dirty, "file");
    assert_int_equal(3, dirty.n);
    assert_string_equal("a", dirty.path[0]);
    assert_string_equal("a/b", dirty.path[1]);
    assert_string_equal(".", dirty.path[2]);
    dirty_free(&dirty);
    assert_int_equal(0, dirty.n);
    assert_null(dirty.path);
}

static void test_dirty_sync(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    unit_put(dir->path, "a/file", "f");
    for (int durable = 0; durable < 2; durable++) {
        fsyncs = 0;
        dir->root.durable = durable;
        dirty_add(&dirty, ".");
        dirty_add(&dirty, "a");
        dirty_add(&dirty, "gone"); /* removed since: nothing to do */
        assert_returns(0, dirty_sync(&dir->root, &dirty, &failure));
        assert_int_equal(durable ? 2 : 0, fsyncs);
        assert_int_equal(0, dirty.n);
    }
    dirty_add(&dirty, "../elsewhere");
    assert_fails(IO, dirty_sync(&dir->root, &dirty, &failure));
}

static void add_numbered(struct dirty *dirty, int from, int to)
{
    char path[16];

    for (int i = from; i < to; i++) {
        snprintf(path, sizeof path, "d%d", i);
        dirty_add(dirty, path);
    }
}

/* Each costs a look at all before it, and a sync. */
static void test_very_many_are_synced_at_once(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    for (int durable = 0; durable < 2; durable++) {
        dir->root.durable = durable;
        add_numbered(&dirty, 0, DIRTY_MAX);
        add_numbered(&dirty, 0, DIRTY_MAX); /* they are in it */
        assert_int_equal(DIRTY_MAX, dirty.n);
        syncs_of_all = 0;
        assert_returns(0, dirty_sync(&dir->root, &dirty, &failure));
        assert_int_equal(0, syncs_of_all);
        add_numbered(&dirty, 0, 3 * DIRTY_MAX);
        assert_int_equal(DIRTY_MAX, dirty.n);
        fsyncs = 0;
        assert_returns(0, dirty_sync(&dir->root, &dirty, &failure));
        assert_int_equal(durable, syncs_of_all);
        assert_int_equal(0, fsyncs);
        assert_int_equal(0, dirty.n);
        assert_false(dirty.too_many);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dirty_is_a_set),
        DIR_TEST(test_dirty_sync),
        DIR_TEST(test_very_many_are_synced_at_once),
    };

    return RUN(tests);
}
