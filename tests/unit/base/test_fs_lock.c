/* SPDX-License-Identifier: Apache-2.0
 * base/fs_lock.c: locks between processes. */
#include "unit/unit.h"

#include "base/fs.h"
#include "base/fs_lock.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

struct attempt {
    const struct fs_root *root;
    enum fs_lock kind;
};

/* Opens the lock file, in whichever process, and tries its lock. */
static int open_and_try(void *context)
{
    const struct attempt *attempt = context;
    int fd;
    struct err err;

    if (fs_open(attempt->root, "lock", O_RDWR | O_CREAT, &fd, &err) <= 0)
        return -1;
    return fs_lock_try(fd, attempt->kind, &err); /* held until the process ends */
}

/* The result of trying a lock in a process of its own. */
static int try_elsewhere(const struct fs_root *root, enum fs_lock kind)
{
    struct attempt attempt = {root, kind};
    struct unit_child child;

    unit_child_start(&child, open_and_try, &attempt);
    int result = unit_child_result(&child);
    unit_child_end(&child);
    return result;
}

static void test_shared_and_exclusive_between_processes(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_FD fd = -1;

    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &fd, &failure));
    assert_int_equal(1, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
    assert_returns(1, fs_lock_try(fd, FS_LOCK_SHARED, &failure));
    assert_int_equal(1, try_elsewhere(&dir->root, FS_LOCK_SHARED));
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
    assert_returns(1, fs_lock_try(fd, FS_LOCK_EXCLUSIVE, &failure));
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_SHARED));
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
    file_close(&fd);
    assert_int_equal(1, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
}

/* What POSIX's own locks get wrong: closing another descriptor of the file would free them. */
static void test_belongs_to_the_open_file_not_to_the_process(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_FD first = -1;
    AUTO_FD second = -1;

    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &first, &failure));
    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &second, &failure));
    assert_returns(1, fs_lock_try(first, FS_LOCK_EXCLUSIVE, &failure));
    assert_returns(0, fs_lock_try(second, FS_LOCK_SHARED, &failure));
    file_close(&second);
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_SHARED));
}

static void test_is_free_when_its_process_is_killed(void **state)
{
    const struct unit_dir *dir = *state;
    struct attempt attempt = {&dir->root, FS_LOCK_EXCLUSIVE};
    struct unit_child child;

    unit_child_start(&child, open_and_try, &attempt);
    assert_int_equal(1, unit_child_result(&child));
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_SHARED));
    kill(child.pid, SIGKILL);
    unit_child_end(&child);
    assert_int_equal(1, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
}

static void test_wait_gives_up_after_the_timeout(void **state)
{
    const struct unit_dir *dir = *state;
    struct attempt attempt = {&dir->root, FS_LOCK_SHARED};
    struct unit_child child;
    AUTO_FD fd = -1;

    unit_child_start(&child, open_and_try, &attempt);
    assert_int_equal(1, unit_child_result(&child));
    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR, &fd, &failure));
    long start = unit_now_ms();
    assert_returns(0, fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 150, &failure));
    long waited = unit_now_ms() - start;
    assert_true(waited >= 150 && waited < 5000);
    start = unit_now_ms();
    assert_returns(0, fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 0, &failure));
    assert_true(unit_now_ms() - start < 2000);
    assert_returns(1, fs_lock_wait(fd, FS_LOCK_SHARED, 0, &failure));
    unit_child_end(&child);
}

static void test_wait_gets_the_lock_when_it_comes_free(void **state)
{
    const struct unit_dir *dir = *state;
    struct attempt attempt = {&dir->root, FS_LOCK_EXCLUSIVE};
    struct unit_child holder;
    AUTO_FD fd = -1;

    unit_child_start(&holder, open_and_try, &attempt);
    assert_int_equal(1, unit_child_result(&holder));
    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR, &fd, &failure));
    long start = unit_now_ms();
    pid_t killer = fork();
    if (killer == 0) {
        usleep(200000);
        kill(holder.pid, SIGKILL);
        _exit(0);
    }
    assert_returns(1, fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 30000, &failure));
    long waited = unit_now_ms() - start;
    assert_true(waited >= 200 && waited < 20000);
    assert_int_equal(killer, waitpid(killer, NULL, 0));
    unit_child_end(&holder);
}

static void test_errors(void **state)
{
    (void)state;
    assert_fails(IO, fs_lock_try(-1, FS_LOCK_SHARED, &failure));
    assert_fails(IO, fs_lock_wait(-1, FS_LOCK_EXCLUSIVE, 5000, &failure));
}

/* Issue 10, item 33: a copy of the descriptor keeps the file open, as GlusterFS does for a while.
 */
static void test_33_it_is_free_before_the_file_is_closed(void **state)
{
    const struct unit_dir *dir = *state;
    int fd = -1;

    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &fd, &failure));
    assert_returns(1, fs_lock_try(fd, FS_LOCK_EXCLUSIVE, &failure));
    AUTO_FD lingering = dup(fd);
    assert_true(lingering >= 0);
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_SHARED));
    fs_lock_close(&fd);
    assert_int_equal(-1, fd);
    assert_int_equal(1, try_elsewhere(&dir->root, FS_LOCK_EXCLUSIVE));
    fs_lock_close(&fd); /* nothing is open */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_shared_and_exclusive_between_processes),
        DIR_TEST(test_belongs_to_the_open_file_not_to_the_process),
        DIR_TEST(test_is_free_when_its_process_is_killed),
        DIR_TEST(test_wait_gives_up_after_the_timeout),
        DIR_TEST(test_wait_gets_the_lock_when_it_comes_free),
        cmocka_unit_test(test_errors),
        DIR_TEST(test_33_it_is_free_before_the_file_is_closed),
    };

    return RUN(tests);
}
