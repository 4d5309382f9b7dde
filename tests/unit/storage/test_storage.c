/* SPDX-License-Identifier: Apache-2.0
 * storage/storage.c: what is noted of a shared store's file system, and what follows from it. */
#include "unit/unit.h"

#include "storage/storage.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>

/* A record of this host. */
static struct storage here(bool sound, int64_t late_ms, int64_t clock_ms)
{
    struct storage storage = {
        .with = "other", .sound = sound, .late_ms = late_ms, .clock_ms = clock_ms};

    storage_host(storage.host);
    return storage;
}

static const char *record(void)
{
    static char path[sizeof LAYOUT_STORAGE + STORAGE_HOST_SIZE];
    char host[STORAGE_HOST_SIZE];

    storage_host(host);
    snprintf(path, sizeof path, LAYOUT_STORAGE "/%s", host);
    return path;
}

static void note(const struct store *store, struct storage storage)
{
    assert_returns(0, storage_note(store, &storage, &failure));
}

static void test_a_store_of_one_host_is_trusted(void **state)
{
    const struct store *store = *state;
    struct storage_lateness late = {-1, -1};

    assert_returns(0, storage_trust(store, &failure));
    note(store, here(false, 5000, 5000));
    assert_returns(0, storage_trust(store, &failure));
    assert_returns(0, storage_lateness(store, &late, &failure));
    assert_int_equal(0, late.seconds);
}

static void test_a_host_that_nobody_checked(void **state)
{
    struct store *store = *state;
    char host[STORAGE_HOST_SIZE];

    store->shared = true;
    assert_fails(STORAGE, storage_trust(store, &failure));
    storage_host(host);
    assert_non_null(strstr(failure.msg, host));
    assert_non_null(strstr(failure.msg, "berth check-storage"));
    unit_put(store->path, LAYOUT_STORAGE "/another", "sound yes\nlate 0\nclock 0\nmount x\n");
    assert_fails(STORAGE, storage_trust(store, &failure));
}

static void test_a_sound_host(void **state)
{
    struct store *store = *state;

    store->shared = true;
    note(store, here(true, 0, 3));
    assert_returns(0, storage_trust(store, &failure));
    assert_int_equal(0600, unit_mode(store->path, record())); /* no web server needs it */
}

/* As of containers: of one host they have one name, whatever the kernel calls each. */
static void test_a_host_that_is_named(void **state)
{
    struct store *store = *state;
    char name[STORAGE_HOST_SIZE + 10], host[STORAGE_HOST_SIZE];

    store->shared = true;
    setenv("BERTH_HOST", "node-1", 1);
    note(store, here(true, 0, 3));
    assert_returns(0, storage_trust(store, &failure));
    assert_true(unit_exists(store->path, LAYOUT_STORAGE "/node-1"));
    setenv("BERTH_HOST", "../node", 1); /* it names a file */
    storage_host(host);
    assert_string_equal("_._node", host);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    setenv("BERTH_HOST", name, 1);
    storage_host(host);
    assert_int_equal(STORAGE_HOST_SIZE - 1, strlen(host));
    setenv("BERTH_HOST", "", 1); /* as if it were not there */
    assert_fails(STORAGE, storage_trust(store, &failure));
    unsetenv("BERTH_HOST");
    assert_fails(STORAGE, storage_trust(store, &failure));
}

static void test_one_that_is_not(void **state)
{
    struct store *store = *state;

    store->shared = true;
    note(store, here(false, 1070, 3));
    assert_fails(STORAGE, storage_trust(store, &failure));
    assert_non_null(strstr(failure.msg, "1070 ms"));
    note(store, here(true, 0, 3)); /* the mount was cured */
    assert_returns(0, storage_trust(store, &failure));
}

/* As after a reboot whose fstab has other options. */
static void test_another_mount(void **state)
{
    struct store *store = *state;

    store->shared = true;
    unit_put(store->path, record(),
             "checked 2026-11-29T22:50:27Z\nwith other\nsound yes\nlate 0\nclock 0\n"
             "mount nfs4 server:/srv rw,vers=4.2\n");
    assert_fails(STORAGE, storage_trust(store, &failure));
    assert_non_null(strstr(failure.msg, "nfs4 server:/srv rw,vers=4.2"));
}

static void test_a_damaged_record_does_not_count(void **state)
{
    struct store *store = *state;

    store->shared = true;
    for (size_t i = 0; i < 3; i++) {
        const char *const texts[] = {"", "sound yes\n", "sound yes\nlate x\nclock 0\nmount m\n"};
        unit_put(store->path, record(), texts[i]);
        assert_fails(STORAGE, storage_trust(store, &failure));
        assert_non_null(strstr(failure.msg, "never checked"));
    }
    unit_delete(store->path, record());
    unit_break(store->path, record());
    assert_fails(IO, storage_trust(store, &failure));
}

static void test_lateness_is_that_of_the_latest_host(void **state)
{
    struct store *store = *state;
    struct storage_lateness late;

    store->shared = true;
    assert_returns(0, storage_lateness(store, &late, &failure));
    assert_int_equal(120, late.seconds); /* nobody was checked */
    note(store, here(true, 0, 0));
    assert_returns(0, storage_lateness(store, &late, &failure));
    assert_int_equal(0, late.seconds);
    unit_put(store->path, LAYOUT_STORAGE "/another", "late 1070\nclock 2000\nmount x\n");
    assert_returns(0, storage_lateness(store, &late, &failure));
    assert_int_equal(4, late.seconds); /* rounded up */
    assert_int_equal(1070, late.caches_ms);
    unit_put(store->path, LAYOUT_STORAGE "/third", "damaged");
    assert_returns(0, storage_lateness(store, &late, &failure));
    assert_int_equal(120, late.seconds);
}

static void test_the_mount_of_a_directory(void **state)
{
    const struct store *store = *state;
    AUTO_BUF mount = BUF_INIT;
    AUTO_BUF proc = BUF_INIT;
    AUTO_FD fd = open("/proc/self", O_RDONLY | O_DIRECTORY);

    assert_returns(0, storage_mount(store->fs.fd, &mount, &failure));
    assert_returns(0, storage_mount(fd, &proc, &failure));
    assert_memory_equal("proc ", proc.s, 5);
    assert_string_not_equal(proc.s, mount.s);
    assert_fails(IO, storage_mount(-1, &mount, &failure));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_store_of_one_host_is_trusted),
        STORE_TEST(test_a_host_that_nobody_checked),
        STORE_TEST(test_a_sound_host),
        STORE_TEST(test_a_host_that_is_named),
        STORE_TEST(test_one_that_is_not),
        STORE_TEST(test_another_mount),
        STORE_TEST(test_a_damaged_record_does_not_count),
        STORE_TEST(test_lateness_is_that_of_the_latest_host),
        STORE_TEST(test_the_mount_of_a_directory),
    };
    return RUN(tests);
}
