/* SPDX-License-Identifier: Apache-2.0
 * What may take time is told once, by its outermost call. */
#include "base/timing.h"

#include "base/dir.h"
#include "base/fs.h"
#include "base/fs_lock.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int told[TIMING_LOCK + 1];
static char lock_name[64];
static int64_t slowest;

static void tell(enum timing what, const char *name, int64_t nanoseconds)
{
    told[what]++;
    if (what == TIMING_LOCK && name)
        snprintf(lock_name, sizeof lock_name, "%s", name);
    slowest = nanoseconds > slowest ? nanoseconds : slowest;
}

static void begin(void)
{
    memset(told, 0, sizeof told);
    slowest = 0;
    timing_tell(tell);
}

static void end(void)
{
    timing_tell(NULL);
}

/* Writing a file in its place opens, syncs and renames one, which is one action, and one sync. */
static void test_the_outermost_counts(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};
    AUTO_BUF text = BUF_INIT;
    AUTO_STRINGS names = {0};
    struct stat st;

    dir->root.durable = true;
    begin();
    assert_returns(0, fs_replace(&dir->root, "tmp", "a/b", "text", 4, &dirty, &failure));
    assert_int_equal(1, told[TIMING_REPLACE]);
    assert_int_equal(0, told[TIMING_OPEN_WRITE] + told[TIMING_MOVE]);
    assert_true(told[TIMING_SYNC] >= 1);
    assert_returns(1, fs_read(&dir->root, "a/b", 100, &text, &failure));
    assert_returns(1, fs_stat(&dir->root, "a/b", &st, &failure));
    assert_returns(1, dir_list(&dir->root, "a", &names, &failure));
    assert_returns(1, fs_unlink(&dir->root, "a/b", &dirty, &failure));
    assert_returns(0, fs_unlink(&dir->root, "a/b", &dirty, &failure));
    end();
    assert_int_equal(1, told[TIMING_READ]);
    assert_int_equal(1, told[TIMING_STAT]);
    assert_int_equal(1, told[TIMING_LIST]);
    assert_int_equal(2, told[TIMING_REMOVE]);
    assert_int_equal(0, told[TIMING_OPEN_READ]);
}

static int hold_lock(void *context)
{
    int fd = open(context, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fs_lock_try(fd, FS_LOCK_EXCLUSIVE, NULL);
}

static void test_a_wait_is_as_long_as_it_was(void **state)
{
    const char *path = unit_path(*state, "lock");
    struct unit_child child;

    unit_child_start(&child, hold_lock, (void *)path);
    assert_int_equal(1, unit_child_result(&child));
    AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
    begin();
    assert_returns(0, fs_lock_wait_as(fd, FS_LOCK_SHARED, "x/repo/7f", 60, &failure));
    end();
    unit_child_end(&child);
    assert_int_equal(1, told[TIMING_LOCK]);
    assert_string_equal("x/repo/7f", lock_name);
    assert_true(slowest >= 60 * 1000000);
}

static void test_nobody_listens(void **state)
{
    struct unit_dir *dir = *state;
    struct stat st;

    begin();
    end();
    assert_returns(0, fs_stat(&dir->root, "a", &st, &failure));
    assert_int_equal(0, told[TIMING_STAT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_the_outermost_counts),
        DIR_TEST(test_a_wait_is_as_long_as_it_was),
        DIR_TEST(test_nobody_listens),
    };

    return RUN(tests);
}
