/* SPDX-License-Identifier: Apache-2.0
 * registry/remove_repository.c and store/repo_remove.c */
#include "unit/registry/content.h"

#include "registry/list.h"
#include "registry/remove.h"
#include "store/lock.h"
#include "store/repo.h"
#include "store/repo_remove.h"
#include "store/trash.h"
#include "unit/trace.h"

#include <stdio.h>

static int remove_it(const struct store *store, const char *repository, size_t *busy)
{
    const struct name name = unit_name(repository);

    return remove_repository(unit_registry(store), &name, busy, &failure);
}

static size_t litter(const struct store *store)
{
    return unit_count(store->path, "_berth/tmp");
}

static void have_all(const struct store *store, const char *repository)
{
    const struct digest image = have_image(store, repository, "v1", "mark");

    have_manifest(store, repository, NULL,
                  "{\"schemaVersion\":2,\"manifests\":[],"
                  "\"subject\":{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1}}",
                  image.s);
}

static void have_upload(const struct store *store, const char *repository)
{
    struct push_session session = session_in(repository, "");

    assert_returns(0, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
}

static void test_all_of_it(void **state)
{
    const struct store *store = *state;
    size_t busy = 9;

    have_all(store, "a/b");
    for (int i = 0; i < 70; i++) /* more than are moved at once */
        have_upload(store, "a/b");
    have_all(store, "c");
    assert_returns(0, remove_it(store, "a/b", &busy));
    assert_int_equal(0, busy);
    assert_false(unit_exists(store->path, "repositories/a"));
    assert_true(unit_exists(store->path, "repositories/c/_referrers"));
    assert_int_equal(0, litter(store));
    assert_fails(NAME_UNKNOWN, remove_it(store, "a/b", &busy));
    assert_returns(0, remove_it(store, "c", &busy));
    assert_int_equal(0, unit_count(store->path, "repositories"));
}

static void test_those_below_and_beside_stay(void **state)
{
    const struct store *store = *state;
    size_t busy;

    have_all(store, "a");
    have_all(store, "a/b");
    have_all(store, "a-b");
    assert_returns(0, remove_it(store, "a", &busy));
    assert_false(unit_exists(store->path, "repositories/a/_layers"));
    assert_true(unit_exists(store->path, "repositories/a/b/_manifests/tags/v1/current/link"));
    assert_true(unit_exists(store->path, "repositories/a-b/_manifests/tags/v1/current/link"));
    assert_fails(NAME_UNKNOWN, remove_it(store, "a", &busy));
}

static void test_what_distribution_or_a_crash_leaves(void **state)
{
    const struct store *store = *state;
    size_t busy;

    unit_put(store->path, "repositories/two/_layers/x", "");
    unit_put(store->path, "repositories/three/_manifests/x", "");
    unit_put(store->path, "repositories/new/_uploads/x/startedat", "");
    unit_put(store->path, "repositories/index/_referrers/x", "");
    assert_returns(0, remove_it(store, "two", &busy));
    assert_returns(0, remove_it(store, "three", &busy));
    assert_returns(0, remove_it(store, "new", &busy));
    assert_returns(0, remove_it(store, "index", &busy));
    assert_int_equal(0, unit_count(store->path, "repositories"));
}

static void test_an_upload_under_way_stays(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_UPLOAD upload = {.fd = -1};
    struct digest digest = unit_digest_of("abc");
    AUTO_DIRTY dirty = {0};
    size_t busy;

    have_all(store, "a");
    have_upload(store, "a");
    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA256, &upload, &failure));
    assert_returns(0, remove_it(store, "a", &busy));
    assert_int_equal(1, busy);
    assert_int_equal(1, unit_count(store->path, "repositories/a/_uploads"));
    assert_false(unit_exists(store->path, "repositories/a/_layers"));
    assert_returns(0, upload_write(&upload, "abc", 3, &failure));
    assert_returns(0, upload_save(&upload, &failure));
    assert_returns(0, upload_publish(&upload, &digest, &dirty, &failure));
}

/* Whoever has opened a session, and not yet locked it, when it is moved away finds it gone. */
static void test_a_session_that_went(void **state)
{
    const struct store *store = *state;
    struct push_session session = session_in("a", "");
    struct text_body body = {"abc", false};
    struct push_range anywhere = ANYWHERE;
    int64_t offset;
    size_t busy;

    assert_returns(0, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
    assert_returns(0, remove_it(store, "a", &busy));
    assert_fails(UPLOAD_UNKNOWN, push_blob_chunk(unit_registry(store), &session, anywhere,
                                                 body_of(&body), &offset, &failure));
    assert_false(unit_exists(store->path, "repositories/a"));
}

static void test_waits_for_writers(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_LOCK lock = {-1};
    size_t busy;

    have_all(store, "a");
    store->lock_timeout_ms = 50;
    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    assert_fails(BUSY, remove_it(store, "a", &busy));
    lock_free(&lock);
    assert_returns(0, lock_repo(store, &name, &lock, &failure));
    assert_fails(BUSY, remove_it(store, "a", &busy));
    lock_free(&lock);
    assert_true(unit_exists(store->path, "repositories/a/_manifests/tags/v1/current/link"));
    assert_returns(0, remove_it(store, "a", &busy));
}

static void test_names_go_durably_before_content(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_STRINGS trash = {0}, again = {0};

    have_all(store, "a");
    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(1, repo_remove_content(store, &name, &trash, &failure));
    trace_stop();
    assert_int_equal(3, trash.n);
    int manifests = trace_rename_to(trash.v[0], -1);
    int synced = trace_fsync("repositories/a", manifests);
    int referrers = trace_rename_to(trash.v[1], -1), layers = trace_rename_to(trash.v[2], -1);
    assert_true(manifests >= 0 && synced > manifests);
    assert_true(referrers > synced && layers > referrers);
    assert_true(trace_fsync("repositories/a", layers) > layers);
    char tags[600];
    snprintf(tags, sizeof tags, "%.300s/tags", trash.v[0]);
    assert_true(unit_exists(store->path, tags));
    for (size_t i = 0; i < trash.n; i++)
        strings_add(&again, trash.v[i]);
    assert_returns(0, trash_empty(store, &trash, &failure));
    assert_int_equal(0, trash.n);
    assert_returns(0, trash_empty(store, &again, &failure)); /* somebody else did */
    assert_int_equal(0, litter(store));
}

static void test_a_new_repository_in_its_place_stays(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_create(store, &name, &dirty, &failure));
    assert_returns(0, repo_remove_empty(store, &name, &failure));
    assert_true(unit_exists(store->path, "repositories/a/_layers"));
    assert_true(unit_exists(store->path, "repositories/a/_manifests"));
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    size_t busy;

    have_all(store, "a");
    unit_allow_opening(false);
    int result = remove_it(store, "a", &busy);
    unit_allow_opening(true);
    assert_int_equal(-1, result);
    assert_int_equal(ERR_IO, failure.code);
    assert_true(unit_exists(store->path, "repositories/a/_manifests/tags/v1/current/link"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_all_of_it),
        STORE_TEST(test_those_below_and_beside_stay),
        STORE_TEST(test_what_distribution_or_a_crash_leaves),
        STORE_TEST(test_an_upload_under_way_stays),
        STORE_TEST(test_a_session_that_went),
        STORE_TEST(test_waits_for_writers),
        STORE_TEST(test_names_go_durably_before_content),
        STORE_TEST(test_a_new_repository_in_its_place_stays),
        STORE_TEST(test_a_failing_disk_is_an_error),
    };

    return RUN(tests);
}
