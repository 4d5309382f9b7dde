/* SPDX-License-Identifier: Apache-2.0
 * store/lock.c: the collector's lock with its gate, and the repositories' locks. */
#include "unit/unit.h"

#include "store/layout.h"
#include "store/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOMENT_MS 100

/* Takes one lock in a process of its own, which opens the store itself. */
struct attempt {
    const struct store *store;
    enum fs_lock kind;
    const char *repository; /* NULL: the collector's lock */
    int timeout_ms;
    struct lock *inherited; /* let go of: a lock is shared by whoever inherits its descriptor */
};

/* 1: it has the lock, and keeps it until the process ends; 0: busy; -1: another error. */
static int take(void *context)
{
    const struct attempt *attempt = context;
    struct store store;
    struct lock lock;

    if (attempt->inherited)
        file_close(&attempt->inherited->fd);
    if (unit_store_open(&store, attempt->store) < 0)
        return -1;
    store.lock_timeout_ms = attempt->timeout_ms;
    int taken;
    if (attempt->repository) {
        struct name name = unit_name(attempt->repository);
        taken = lock_repo(&store, &name, &lock, &failure);
    } else {
        taken = lock_gc(&store, attempt->kind, &lock, &failure);
    }
    return taken == 0 ? 1 : failure.code == ERR_BUSY ? 0 : -1;
}

static int try_elsewhere(const struct attempt *attempt)
{
    struct unit_child child;

    unit_child_start(&child, take, (void *)attempt);
    int result = unit_child_result(&child);
    unit_child_end(&child);
    return result;
}

static int try_gc(const struct store *store, enum fs_lock kind)
{
    return try_elsewhere(&(struct attempt){store, kind, NULL, MOMENT_MS, NULL});
}

static int try_repo(const struct store *store, const char *repository)
{
    return try_elsewhere(&(struct attempt){store, FS_LOCK_EXCLUSIVE, repository, MOMENT_MS, NULL});
}

static void test_gc_is_shared_by_writers(void **state)
{
    const struct store *store = *state;
    AUTO_LOCK lock = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    assert_int_equal(1, try_gc(store, FS_LOCK_SHARED));
    assert_int_equal(0, try_gc(store, FS_LOCK_EXCLUSIVE));
    lock_free(&lock);
    assert_int_equal(-1, lock.fd);
    assert_int_equal(1, try_gc(store, FS_LOCK_EXCLUSIVE));
}

static void test_gc_is_exclusive_for_the_sweeper(void **state)
{
    const struct store *store = *state;

    {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
        assert_int_equal(0, try_gc(store, FS_LOCK_SHARED));
        assert_int_equal(0, try_gc(store, FS_LOCK_EXCLUSIVE));
    }
    assert_int_equal(1, try_gc(store, FS_LOCK_SHARED)); /* freed at the end of its scope */
}

static void test_gate_is_open_again_behind_whoever_has_the_lock(void **state)
{
    const struct store *store = *state;
    AUTO_LOCK lock = {-1};
    AUTO_FD gate = -1;

    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
    assert_returns(1, fs_open(&store->fs, LAYOUT_LOCKS "/gc.gate", O_RDWR, &gate, &failure));
    assert_returns(1, fs_lock_try(gate, FS_LOCK_EXCLUSIVE, &failure));
}

/* A sweeper that waits for one sharer lets no further ones in before it. */
static void test_gate_stops_new_sharers_while_the_sweeper_waits(void **state)
{
    struct store *store = *state;
    AUTO_LOCK first = {-1};
    AUTO_LOCK second = {-1};
    struct attempt sweep = {store, FS_LOCK_EXCLUSIVE, NULL, 10000, &first};
    struct unit_child sweeper;

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &first, &failure));
    unit_child_start(&sweeper, take, &sweep);
    store->lock_timeout_ms = MOMENT_MS;
    for (int i = 0; i < 1000 && lock_gc(store, FS_LOCK_SHARED, &second, &failure) == 0; i++) {
        lock_free(&second); /* the sweeper is not there yet */
        usleep(10000);
    }
    assert_int_equal(ERR_BUSY, failure.code);
    lock_free(&first);
    assert_int_equal(1, unit_child_result(&sweeper));
    assert_fails(BUSY, lock_gc(store, FS_LOCK_SHARED, &second, &failure));
    unit_child_end(&sweeper);
    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &second, &failure));
}

/* Shares the lock again and again, so that with others like it the lock is never free. */
static int keep_sharing(void *context)
{
    const struct store *original = context;
    struct store store;

    if (unit_store_open(&store, original) < 0)
        return -1;
    store.lock_timeout_ms = 10000;
    for (;;) {
        AUTO_LOCK lock = {-1};
        if (lock_gc(&store, FS_LOCK_SHARED, &lock, &failure) < 0)
            return -1;
        usleep(5000);
    }
}

static void test_sweeper_is_not_starved(void **state)
{
    struct store *store = *state;
    struct unit_child sharers[6];

    for (size_t i = 0; i < LENGTH_OF(sharers); i++)
        unit_child_start(&sharers[i], keep_sharing, store);
    usleep(100000);
    store->lock_timeout_ms = 10000;
    for (int i = 0; i < 5; i++) {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
    }
    for (size_t i = 0; i < LENGTH_OF(sharers); i++) {
        kill(sharers[i].pid, SIGKILL);
        unit_child_end(&sharers[i]);
    }
}

/* A collector goes on until somebody wants the lock, and lets him in then. */
static void test_sweeper_sees_who_waits(void **state)
{
    struct store *store = *state;
    struct unit_child writer;
    struct attempt attempt = {store, FS_LOCK_SHARED, NULL, 5000, NULL};
    AUTO_LOCK sweep = {-1}, again = {-1};

    assert_returns(1, lock_gc_sweep(store, MOMENT_MS, &sweep, &failure));
    assert_returns(0, lock_gc_wanted(store, &failure));
    attempt.inherited = &sweep;
    unit_child_start(&writer, take, &attempt);
    long deadline = unit_now_ms() + 5000;
    while (lock_gc_wanted(store, &failure) == 0)
        assert_true(unit_now_ms() < deadline);
    assert_returns(0, lock_gc_sweep(store, MOMENT_MS, &again, &failure)); /* not past the gate */
    lock_free(&sweep);
    assert_int_equal(1, unit_child_result(&writer));
    assert_returns(0, lock_gc_wanted(store, &failure)); /* he has it, and waits no more */
    long before = unit_now_ms();
    assert_returns(0, lock_gc_sweep(store, MOMENT_MS, &again, &failure));
    assert_true(unit_now_ms() - before < 20 * MOMENT_MS);
    unit_child_end(&writer);
    assert_returns(1, lock_gc_sweep(store, MOMENT_MS, &again, &failure));
}

static void test_one_collector(void **state)
{
    struct store *store = *state;
    AUTO_LOCK first = {-1}, second = {-1};

    assert_returns(1, lock_collector(store, &first, &failure));
    assert_returns(0, lock_collector(store, &second, &failure));
    lock_free(&first);
    assert_returns(1, lock_collector(store, &second, &failure));
}

static void test_repository_lock_excludes(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct layout_path path;
    AUTO_LOCK lock = {-1};

    assert_returns(0, lock_repo(store, &name, &lock, &failure));
    assert_int_equal(0, try_repo(store, "a"));
    assert_int_equal(1, try_repo(store, "library/alpine")); /* another stripe, see test_layout */
    assert_int_equal(1, try_gc(store, FS_LOCK_EXCLUSIVE));  /* another lock */
    lock_free(&lock);
    assert_int_equal(1, try_repo(store, "a"));
    assert_true(unit_exists(store->path, layout_repo_lock(&path, &name))); /* never removed */
}

static void test_waiting_is_bounded(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    AUTO_LOCK more = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &gc, &failure));
    assert_returns(0, lock_repo(store, &name, &repo, &failure));
    store->lock_timeout_ms = 150;
    long start = unit_now_ms();
    assert_fails(BUSY, lock_repo(store, &name, &more, &failure));
    assert_int_equal(-1, more.fd);
    assert_fails(BUSY, lock_gc(store, FS_LOCK_SHARED, &more, &failure));
    assert_int_equal(-1, more.fd);
    long waited = unit_now_ms() - start;
    assert_true(waited >= 300 && waited < 5000);
    assert_non_null(strstr(failure.msg, "150 ms"));
}

static void test_a_missing_lock_directory_says_how_to_make_it(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_LOCK lock = {-1};

    unit_delete(store->path, "_berth");
    assert_fails(IO, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    assert_non_null(strstr(failure.msg, "start the server again"));
    assert_fails(IO, lock_repo(store, &name, &lock, &failure));
}

static void test_lock_files_have_the_mode_of_the_store(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct layout_path path;
    AUTO_LOCK lock = {-1};

    mode_t before = umask(0777);
    int locked = lock_repo(store, &name, &lock, &failure);
    umask(before);
    assert_int_equal(0, locked);
    /* Not for the group, which could hold it. */
    assert_int_equal(0600, unit_mode(store->path, layout_repo_lock(&path, &name)));
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct lock lock;

    unit_allow_opening(false);
    int gc = lock_gc(store, FS_LOCK_SHARED, &lock, &failure);
    int repo = lock_repo(store, &name, &lock, &failure);
    unit_allow_opening(true);
    assert_int_equal(-1, gc);
    assert_int_equal(-1, repo);
    assert_int_equal(ERR_IO, failure.code);
    assert_int_equal(-1, lock.fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_gc_is_shared_by_writers),
        STORE_TEST(test_gc_is_exclusive_for_the_sweeper),
        STORE_TEST(test_gate_is_open_again_behind_whoever_has_the_lock),
        STORE_TEST(test_gate_stops_new_sharers_while_the_sweeper_waits),
        STORE_TEST(test_sweeper_is_not_starved),
        STORE_TEST(test_sweeper_sees_who_waits),
        STORE_TEST(test_one_collector),
        STORE_TEST(test_repository_lock_excludes),
        STORE_TEST(test_waiting_is_bounded),
        STORE_TEST(test_lock_files_have_the_mode_of_the_store),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_a_missing_lock_directory_says_how_to_make_it),
    };

    return RUN(tests);
}
