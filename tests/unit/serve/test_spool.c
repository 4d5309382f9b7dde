/* SPDX-License-Identifier: Apache-2.0
 * serve/spool.c */
#include "unit/unit.h"

#include "base/uuid.h"
#include "serve/spool.h"
#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_a_spool_is_there_while_it_is_open(void **state)
{
    const struct store *store = *state;
    struct spool spool;

    assert_returns(0, spool_open(store, &spool, &failure));
    assert_memory_equal(store->path, spool.path, strlen(store->path));
    const char *id = strrchr(spool.path, '/') + 1;
    assert_true(uuid_valid(id, strlen(id)));
    unit_put(spool.path, "lighttpd-upload-x", "a body");
    assert_int_equal(1, unit_count(store->path, LAYOUT_SPOOL));
    assert_int_equal(0, unit_count(store->path, LAYOUT_TMP));
    spool_close(&spool);
    assert_int_equal(0, unit_count(store->path, LAYOUT_SPOOL));
    assert_null(spool.path);
    assert_int_equal(-1, spool.lock);
    spool_close(&spool); /* again is harmless */
}

static int open_and_hold(void *context)
{
    struct store store;
    struct spool spool;

    if (unit_store_open(&store, context) < 0 || spool_open(&store, &spool, &failure) < 0)
        return -1;
    unit_put(spool.path, "upload", "a body");
    return 0;
}

static void test_spools_of_the_living_stay_and_of_the_dead_go(void **state)
{
    struct store *store = *state;
    struct unit_child living, dead;

    unit_child_start(&living, open_and_hold, store);
    unit_child_start(&dead, open_and_hold, store);
    assert_int_equal(0, unit_child_result(&living));
    assert_int_equal(0, unit_child_result(&dead));
    assert_int_equal(2, unit_count(store->path, LAYOUT_SPOOL));
    kill(dead.pid, SIGKILL);
    unit_child_end(&dead);
    {
        AUTO_SPOOL spool;
        assert_returns(0, spool_open(store, &spool, &failure));
        assert_int_equal(2, unit_count(store->path, LAYOUT_SPOOL)); /* ours and the living's */
    }
    unit_child_end(&living);
    AUTO_SPOOL spool;
    assert_returns(0, spool_open(store, &spool, &failure));
    assert_int_equal(1, unit_count(store->path, LAYOUT_SPOOL));
}

static void test_what_is_no_spool_stays(void **state)
{
    const struct store *store = *state;
    AUTO_SPOOL spool;

    unit_put(store->path, LAYOUT_SPOOL "/lighttpd-upload-x", "of a server set up by hand");
    unit_put(store->path, LAYOUT_SPOOL "/dir/lock", "");
    assert_returns(0, spool_open(store, &spool, &failure));
    assert_true(unit_exists(store->path, LAYOUT_SPOOL "/lighttpd-upload-x"));
    assert_true(unit_exists(store->path, LAYOUT_SPOOL "/dir/lock"));
}

static void test_a_spool_that_cannot_be_made_leaves_nothing(void **state)
{
    const struct store *store = *state;
    struct spool spool;

    unit_put(store->path, LAYOUT_SPOOL, "a file");
    assert_fails(IO, spool_open(store, &spool, &failure));
    assert_int_equal(-1, spool.lock);
    assert_null(spool.path);
    assert_int_equal(0, unit_count(store->path, LAYOUT_TMP));
}

/* Whatever crosses the network to the store once, crosses it once. */
static void test_35_that_of_a_shared_store_is_on_the_hosts_own_disk(void **state)
{
    struct store *store = *state;
    char local[] = "/tmp/berth-unit-spool-XXXXXX";
    char left[64];
    struct spool spool;

    assert_non_null(mkdtemp(local));
    setenv("TMPDIR", local, 1);
    store->shared = true;
    unit_put(local, "berth-spool-x/lock", ""); /* no spool */
    unit_put(local, "x/lock", "of another program");
    /* Of a process that has died. */
    snprintf(left, sizeof left, "berth-spool-0f5a0b7e-6a3d-4a0a-8b52-3f6d2a9c1e4d/lock");
    unit_put(local, left, "");
    assert_returns(0, spool_open(store, &spool, &failure));
    assert_memory_equal(local, spool.path, strlen(local));
    assert_false(unit_exists(local, left));
    unit_put(spool.path, "lighttpd-upload-x", "a body");
    assert_int_equal(0700, unit_mode(spool.path, "."));
    assert_int_equal(3, unit_count(local, "."));
    assert_false(unit_exists(store->path, LAYOUT_SPOOL));
    spool_close(&spool);
    assert_int_equal(2, unit_count(local, "."));
    unit_delete(local, "berth-spool-x/lock");
    unit_delete(local, "x/lock");
    unit_delete(local, "berth-spool-x");
    unit_delete(local, "x");
    unsetenv("TMPDIR");
    assert_int_equal(0, rmdir(local));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_spool_is_there_while_it_is_open),
        STORE_TEST(test_spools_of_the_living_stay_and_of_the_dead_go),
        STORE_TEST(test_what_is_no_spool_stays),
        STORE_TEST(test_35_that_of_a_shared_store_is_on_the_hosts_own_disk),
        STORE_TEST(test_a_spool_that_cannot_be_made_leaves_nothing),
    };

    return RUN(tests);
}
