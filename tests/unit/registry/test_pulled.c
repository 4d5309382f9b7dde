/* SPDX-License-Identifier: Apache-2.0
 * registry/pulled.c: when tags were pulled last. */
#include "unit/unit.h"

#include "registry/pulled.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"
#include "store/tag.h"

#include <time.h>

#define V1 "_berth/pulled/team/app/_tags/v1"
#define SINCE "_berth/pulled/team/app/_since"

static int record(const struct store *store, const char *repository, const char *text)
{
    const struct name name = unit_name(repository);
    const struct tag tag = unit_tag(text);

    return pulled_record(store, &name, &tag, &failure);
}

static void have_tag(const struct store *store, const char *repository, const char *text)
{
    const struct name name = unit_name(repository);
    const struct tag tag = unit_tag(text);
    const struct digest digest = unit_digest_of("x");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_create(store, &name, &dirty, &failure));
    assert_returns(0, tag_set(store, &name, &tag, &digest, &dirty, &failure));
}

static void test_once_an_hour(void **state)
{
    const struct store *store = *state;

    assert_returns(1, record(store, "team/app", "v1"));
    assert_returns(0, record(store, "team/app", "v1"));
    unit_age(store->path, V1, PULLED_EVERY - 60);
    assert_returns(0, record(store, "team/app", "v1"));
    assert_true(unit_age_of(store->path, V1) > 60);
    unit_age(store->path, V1, PULLED_EVERY);
    assert_returns(1, record(store, "team/app", "v1"));
    assert_true(unit_age_of(store->path, V1) < 60);
    unit_age(store->path, V1, -5); /* a clock is ahead */
    assert_returns(0, record(store, "team/app", "v1"));
    unit_age(store->path, V1, -900000); /* a clock was wrong */
    assert_returns(1, record(store, "team/app", "v1"));
    assert_true(unit_age_of(store->path, V1) >= 0);
    assert_int_equal(fs_file_mode(&store->fs, V1), unit_mode(store->path, V1) & 0777);
    assert_int_equal(0600, unit_mode(store->path, V1) & 0777);
    assert_int_equal(0700, unit_mode(store->path, "_berth/pulled/team/app/_tags") & 0777);
}

static void test_what_is_known(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("team/app");
    const struct tag v1 = unit_tag("v1"), v2 = unit_tag("v2");
    int64_t when;

    assert_returns(0, pulled_since(store, &name, &when, &failure));
    assert_returns(0, pulled_time(store, &name, &v1, &when, &failure));
    assert_returns(1, record(store, "team/app", "v1"));
    unit_age(store->path, V1, 5000);
    unit_age(store->path, SINCE, 9000);
    assert_returns(1, pulled_time(store, &name, &v1, &when, &failure));
    assert_in_range(time(NULL) - when / 1000000000, 4990, 5010);
    assert_returns(1, pulled_since(store, &name, &when, &failure));
    assert_in_range(time(NULL) - when / 1000000000, 8990, 9010);
    assert_returns(0, pulled_time(store, &name, &v2, &when, &failure));
    /* A second tag does not begin anew. */
    assert_returns(1, record(store, "team/app", "v2"));
    assert_true(unit_age_of(store->path, SINCE) > 8000);
}

static void test_beginning_without_a_pull(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("team/app");

    assert_returns(1, pulled_begin(store, &name, &failure));
    unit_age(store->path, SINCE, 9000);
    assert_returns(0, pulled_begin(store, &name, &failure));
    assert_true(unit_age_of(store->path, SINCE) > 8000);
    assert_returns(1, record(store, "team/app", "v1"));
    assert_true(unit_age_of(store->path, SINCE) > 8000);
}

static void test_half_of_it_got_lost(void **state)
{
    const struct store *store = *state;

    assert_returns(1, record(store, "team/app", "v1"));
    unit_delete(store->path, V1);
    unit_delete(store->path, "_berth/pulled/team/app/_tags");
    assert_returns(1, record(store, "team/app", "v1"));
    unit_delete(store->path, SINCE);
    unit_delete(store->path, V1);
    assert_returns(1, record(store, "team/app", "v1"));
    assert_true(unit_exists(store->path, SINCE));
}

static void test_forgetting(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("team/app");
    const struct tag tag = unit_tag("v1");

    assert_returns(0, pulled_forget(store, &name, &tag, &failure));
    assert_returns(1, record(store, "team/app", "v1"));
    assert_returns(1, pulled_forget(store, &name, &tag, &failure));
    assert_false(unit_exists(store->path, V1));
    assert_true(unit_exists(store->path, SINCE));
}

static void test_sweep(void **state)
{
    const struct store *store = *state;

    assert_returns(0, pulled_sweep(store, &failure));
    have_tag(store, "team/app", "v1");
    have_tag(store, "team", "v1");
    have_tag(store, "team", "damaged");
    unit_put(store->path, "repositories/team/_manifests/tags/damaged/current/link", "x");
    assert_returns(1, record(store, "team/app", "v1"));
    assert_returns(1, record(store, "team/app", "gone"));
    assert_returns(1, record(store, "team", "v1"));
    assert_returns(1, record(store, "team", "damaged"));
    assert_returns(1, record(store, "gone/a/b", "v1"));
    assert_returns(1, record(store, "gone", "v1"));
    unit_put(store->path, "_berth/pulled/team/app/_tags/-no tag", "");
    assert_returns(0, pulled_sweep(store, &failure));
    assert_true(unit_exists(store->path, V1));
    assert_true(unit_exists(store->path, "_berth/pulled/team/_tags/v1"));
    assert_true(unit_exists(store->path, "_berth/pulled/team/_tags/damaged"));
    assert_false(unit_exists(store->path, "_berth/pulled/team/app/_tags/gone"));
    assert_false(unit_exists(store->path, "_berth/pulled/gone"));
    assert_int_equal(1, unit_count(store->path, "_berth/pulled"));
}

static void test_a_disk_that_fails(void **state)
{
    const struct store *store = *state;

    unit_break(store->path, "_berth/pulled");
    assert_fails(IO, record(store, "team/app", "v1"));
    assert_fails(IO, pulled_sweep(store, &failure));
}

static void test_no_lock_and_no_fsync(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("team/app");
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &gc, &failure));
    assert_returns(0, lock_repo(store, &name, &repo, &failure));
    store->lock_timeout_ms = 0;
    assert_returns(1, record(store, "team/app", "v1"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_once_an_hour),
        STORE_TEST(test_what_is_known),
        STORE_TEST(test_beginning_without_a_pull),
        STORE_TEST(test_half_of_it_got_lost),
        STORE_TEST(test_forgetting),
        STORE_TEST(test_sweep),
        STORE_TEST(test_a_disk_that_fails),
        STORE_TEST(test_no_lock_and_no_fsync),
    };

    return RUN(tests);
}
