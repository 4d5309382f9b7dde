/* SPDX-License-Identifier: Apache-2.0
 * storage/storage_check.c: two processes meet, and find out what each sees of the other. A file
 * system on which that goes wrong is played by replacing system calls. */
#include "unit/unit.h"

#include "base/fs_lock.h"
#include "storage/storage_check.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORD "apple"
#define TOUCHED LAYOUT_CHECK "/" WORD ".file-1"

/* How it goes wrong; shared by the two processes. */
static struct {
    bool no_locks;            /* as where they are those of one host */
    bool late;                /* a touch is seen once the reader has looked in vain */
    bool pending;             /* it was made, and is not to be seen yet */
    struct timespec times[2]; /* its */
    bool gone;                /* the second one ends where it should touch */
} * odd;

static bool is_reader; /* this process is the first one */
static bool looks;     /* its wait for the other one's step is over */
static const char *store_path;

int fcntl(int fd, int command, ...)
{
    va_list ap;

    va_start(ap, command);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    struct flock *lock = argument;
    if (odd && odd->no_locks && command == F_OFD_SETLK)
        return 0;
    int result = (int)syscall(SYS_fcntl, fd, command, argument);
    if (command == F_OFD_GETLK && odd && odd->no_locks)
        lock->l_type = F_UNLCK;
    if (command == F_OFD_GETLK && lock->l_start >= 1000)
        looks = lock->l_type == F_UNLCK;
    return result;
}

int futimens(int fd, const struct timespec times[2])
{
    if (odd->gone && !is_reader)
        _exit(0);
    if (odd->late && !is_reader) {
        memcpy(odd->times, times, sizeof odd->times);
        odd->pending = true;
        return 0;
    }
    return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

/* The reader pauses before it looks again. */
int nanosleep(const struct timespec *pause, struct timespec *left)
{
    char path[256];

    if (is_reader && looks && odd->pending) {
        snprintf(path, sizeof path, "%s/" TOUCHED, store_path);
        syscall(SYS_utimensat, AT_FDCWD, path, odd->times, 0);
        odd->pending = false;
    }
    return (int)syscall(SYS_nanosleep, pause, left);
}

static int meet(const struct store *store, struct storage_checked *checked, int patience_ms)
{
    const struct storage_meeting meeting = {
        .root = &store->fs, .dir = LAYOUT_CHECK, .word = WORD, .patience_ms = patience_ms};

    return storage_check(&meeting, checked, &failure);
}

static int second(void *context)
{
    const struct store *other = context;
    struct storage_checked checked;
    struct store store;

    is_reader = false;
    if (unit_store_open(&store, other) < 0)
        return -1;
    int met = meet(&store, &checked, 60000);
    store_close(&store);
    return met < 0 ? -1 : !checked.first;
}

static int store_make_odd(void **state)
{
    odd = mmap(NULL, sizeof *odd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(odd, 0, sizeof *odd);
    is_reader = true;
    if (unit_store_make(state) < 0)
        return -1;
    const struct store *store = *state;
    store_path = store->path;
    unit_put(store->path, LAYOUT_CHECK "/x", "");
    unit_delete(store->path, LAYOUT_CHECK "/x");
    return 0;
}

/* The first one holds the first byte; then the other one may come. */
static int check_both(const struct store *store, struct storage_checked *checked)
{
    struct unit_child child;

    if (!odd->no_locks) {
        AUTO_LOCKED_FD fd = -1;
        assert_returns(1,
                       fs_open(&store->fs, LAYOUT_CHECK "/" WORD, O_RDWR | O_CREAT, &fd, &failure));
        assert_returns(1, fs_lock_range(fd, 0, 1, &failure));
        unit_child_start(&child, second, (void *)store);
        while (!fs_lock_is_held(fd, 3, &failure)) /* it is ready */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    } else {
        unit_child_start(&child, second, (void *)store);
    }
    int met = meet(store, checked, 60000);
    if (met == 0 || !odd->gone)
        unit_child_result(&child);
    unit_child_end(&child);
    return met;
}

static void test_34_a_sound_file_system(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    assert_int_equal(0, check_both(store, &checked));
    assert_true(checked.first && checked.locks && checked.same_kernel);
    assert_string_equal(checked.host, checked.with);
    for (int i = 0; i < STORAGE_CHANGES; i++) {
        assert_true(checked.looks[i].rounds > 5 && checked.other[i].rounds > 5);
        assert_int_equal(0, checked.looks[i].late + checked.other[i].late);
    }
    assert_true(checked.clock_ms < 60000 && checked.server_ms == 0);
    struct storage verdict = storage_check_verdict(&checked);
    assert_true(verdict.sound);
    assert_int_equal(0, verdict.late_ms);
    assert_int_equal(checked.clock_ms, verdict.clock_ms);
    assert_int_equal(0, unit_count(store->path, LAYOUT_CHECK)); /* nothing is left */
}

static void test_34_what_is_seen_late(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    odd->late = true;
    assert_int_equal(0, check_both(store, &checked));
    assert_true(checked.looks[STORAGE_TOUCHED].late > 3);
    assert_true(checked.looks[STORAGE_TOUCHED].late_ms > 0);
    assert_int_equal(0, checked.looks[STORAGE_REPLACED].late);
    assert_int_equal(0, checked.other[STORAGE_TOUCHED].late);
    struct storage verdict = storage_check_verdict(&checked);
    assert_false(verdict.sound);
    assert_int_equal(checked.looks[STORAGE_TOUCHED].late_ms, verdict.late_ms);
    /* What the other one sees late is its own matter, unless both have one record. */
    memcpy(checked.other, checked.looks, sizeof checked.other);
    memset(checked.looks, 0, sizeof checked.looks);
    for (int i = 0; i < STORAGE_CHANGES; i++)
        checked.looks[i].rounds = 1;
    assert_false(storage_check_verdict(&checked).sound);
    snprintf(checked.with, sizeof checked.with, "another");
    assert_true(storage_check_verdict(&checked).sound);
    checked.clock_ms = 61000;
    assert_false(storage_check_verdict(&checked).sound);
}

static void test_34_locks_that_do_not_exclude(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    odd->no_locks = true;
    assert_int_equal(0, check_both(store, &checked));
    assert_false(checked.locks);
    struct storage verdict = storage_check_verdict(&checked);
    assert_false(verdict.sound);
    assert_int_equal(STORAGE_UNKNOWN_MS, verdict.late_ms); /* nobody looked */
    assert_int_equal(STORAGE_UNKNOWN_MS, verdict.clock_ms);
}

static void test_34_one_that_goes_away(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    odd->gone = true;
    assert_int_equal(-1, check_both(store, &checked));
    assert_int_equal(ERR_UNREACHABLE, failure.code);
    assert_int_equal(0, unit_count(store->path, LAYOUT_CHECK));
}

static void test_34_nobody_comes(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    assert_fails(BUSY, meet(store, &checked, 0));
    assert_non_null(strstr(failure.msg, WORD));
    assert_int_equal(0, unit_count(store->path, LAYOUT_CHECK));
}

static void test_34_a_third_one(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;
    AUTO_LOCKED_FD fd = -1;

    assert_returns(1, fs_open(&store->fs, LAYOUT_CHECK "/" WORD, O_RDWR | O_CREAT, &fd, &failure));
    assert_returns(1, fs_lock_range(fd, 0, 2, &failure));
    assert_fails(BUSY, meet(store, &checked, 60000));
    assert_non_null(strstr(failure.msg, "another"));
}

static void test_34_words(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;
    struct storage_meeting meeting = {.root = &store->fs, .dir = LAYOUT_CHECK};
    static const char *const words[] = {"", "..", "a/b", "a b",
                                        "012345678901234567890123456789012"};

    for (size_t i = 0; i < LENGTH_OF(words); i++) {
        meeting.word = words[i];
        assert_fails(USAGE, storage_check(&meeting, &checked, &failure));
    }
}

static void test_34_one_host_alone(void **state)
{
    const struct store *store = *state;
    struct storage_checked checked;

    assert_returns(0, storage_check_alone(&store->fs, LAYOUT_CHECK, &checked, &failure));
    assert_true(checked.locks);
    assert_int_equal(0, checked.server_ms);
    odd->no_locks = true;
    assert_returns(0, storage_check_alone(&store->fs, LAYOUT_CHECK, &checked, &failure));
    assert_false(checked.locks);
    assert_int_equal(0, unit_count(store->path, LAYOUT_CHECK));
    assert_fails(IO, storage_check_alone(&store->fs, "none", &checked, &failure));
}

#define ODD_TEST(test) cmocka_unit_test_setup_teardown(test, store_make_odd, unit_store_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ODD_TEST(test_34_a_sound_file_system),
        ODD_TEST(test_34_what_is_seen_late),
        ODD_TEST(test_34_locks_that_do_not_exclude),
        ODD_TEST(test_34_one_that_goes_away),
        ODD_TEST(test_34_nobody_comes),
        ODD_TEST(test_34_a_third_one),
        ODD_TEST(test_34_words),
        ODD_TEST(test_34_one_host_alone),
    };
    return RUN(tests);
}
