/* SPDX-License-Identifier: Apache-2.0
 * base/fs_lock.c: locks between processes. */
#include "unit/unit.h"

#include "base/fs.h"
#include "base/fs_lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <threads.h>
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

/* What the kernel tells of a file: whether somebody waits for a lock on it in the kernel. */
static bool is_waited_for(const char *path)
{
    char line[256], place[64];
    struct stat st;
    bool waits = false;

    assert_int_equal(0, stat(path, &st));
    snprintf(place, sizeof place, "%02x:%02x:%ju ", major(st.st_dev), minor(st.st_dev),
             (uintmax_t)st.st_ino);
    FILE *locks = fopen("/proc/locks", "r");
    assert_non_null(locks);
    while (!waits && fgets(line, sizeof line, locks))
        waits = strstr(line, " -> ") && strstr(line, place);
    fclose(locks);
    return waits;
}

static void until_waited_for(const char *path)
{
    while (!is_waited_for(path))
        usleep(1000);
}

static void on_signal(int number)
{
    (void)number;
}

/* A worker that is to end goes on with its request. */
static int wait_in_spite_of_signals(void *context)
{
    const struct unit_dir *dir = context;
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t all;
    int fd;

    sigaction(SIGTERM, &action, NULL);
    sigfillset(&all);
    sigdelset(&all, SIGTERM);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGTERM);
    if (fs_open(&dir->root, "lock", O_RDWR, &fd, &failure) <= 0 ||
        fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 50, &failure) != 0)
        return -1;
    unit_put(dir->path, "given up", "");
    return fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 600000, &failure);
}

static void test_waits_in_the_kernel_whatever_signals_come(void **state)
{
    const struct unit_dir *dir = *state;
    struct unit_child waiter;
    int fd = -1;

    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &fd, &failure));
    assert_returns(1, fs_lock_try(fd, FS_LOCK_EXCLUSIVE, &failure));
    unit_child_start(&waiter, wait_in_spite_of_signals, (void *)dir);
    while (!unit_exists(dir->path, "given up"))
        usleep(1000);
    until_waited_for(unit_path(dir, "lock"));
    for (int i = 0; i < 20; i++) {
        kill(waiter.pid, SIGTERM);
        usleep(1000);
    }
    until_waited_for(unit_path(dir, "lock"));
    fs_lock_close(&fd);
    assert_int_equal(1, unit_child_result(&waiter));
    assert_int_equal(0, try_elsewhere(&dir->root, FS_LOCK_SHARED));
    unit_child_end(&waiter);
}

struct thread_wait {
    const struct fs_root *root;
    int timeout_ms, locked;
};

static int wait_in_thread(void *context)
{
    struct thread_wait *wait = context;
    AUTO_FD fd = -1;

    wait->locked = fs_open(wait->root, "lock", O_RDWR, &fd, NULL) <= 0
                       ? -1
                       : fs_lock_wait(fd, FS_LOCK_SHARED, wait->timeout_ms, NULL);
    return 0;
}

/* One gives up, and the others stay. */
static void test_each_thread_waits_for_itself(void **state)
{
    const struct unit_dir *dir = *state;
    struct thread_wait waits[] = {{&dir->root, 600000, -2}, {&dir->root, 1, -2}};
    thrd_t threads[LENGTH_OF(waits)];
    int fd = -1;

    assert_returns(1, fs_open(&dir->root, "lock", O_RDWR | O_CREAT, &fd, &failure));
    assert_returns(1, fs_lock_try(fd, FS_LOCK_EXCLUSIVE, &failure));
    for (size_t i = 0; i < LENGTH_OF(waits); i++)
        assert_int_equal(thrd_success, thrd_create(&threads[i], wait_in_thread, &waits[i]));
    thrd_join(threads[1], NULL);
    assert_int_equal(0, waits[1].locked);
    until_waited_for(unit_path(dir, "lock"));
    fs_lock_close(&fd);
    thrd_join(threads[0], NULL);
    assert_int_equal(1, waits[0].locked);
}

static bool is_remote;

bool __wrap_fs_boot_is_local(int fd);
bool __wrap_fs_boot_is_local(int fd)
{
    (void)fd;
    return !is_remote;
}

/* A client of a file server may not wake up, and is asked each time. */
static void test_of_a_file_server_it_is_asked_for_again(void **state)
{
    is_remote = true;
    test_wait_gives_up_after_the_timeout(state);
    test_wait_gets_the_lock_when_it_comes_free(state);
    is_remote = false;
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
        DIR_TEST(test_waits_in_the_kernel_whatever_signals_come),
        DIR_TEST(test_each_thread_waits_for_itself),
        DIR_TEST(test_of_a_file_server_it_is_asked_for_again),
        cmocka_unit_test(test_errors),
        DIR_TEST(test_33_it_is_free_before_the_file_is_closed),
    };

    return RUN(tests);
}
