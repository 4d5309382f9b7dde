/* SPDX-License-Identifier: Apache-2.0
 * registry/push_blob.c: push_new and push_link, by which `berth import` stores and links. */
#include "unit/registry/content.h"
#include "unit/trace.h"

#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"

static int push_content(const struct store *store, const char *repository, const char *content,
                        bool breaks, struct pushed_blob *pushed)
{
    struct push_session session = session_in(repository, "");
    struct text_body body = {content, breaks};

    return push_blob_new(unit_registry(store), &session, DIGEST_SHA256, body_of(&body), pushed,
                         &failure);
}

static void assert_linked(const struct store *store, const char *repository,
                          const struct digest *digest)
{
    const struct name name = unit_name(repository);

    assert_returns(1, repo_has_layer(store, &name, digest, &failure));
}

static void test_digest_comes_of_it(void **state)
{
    const struct store *store = *state;
    const struct digest expected = unit_digest_of("content");
    struct pushed_blob pushed;
    struct layout_path path;

    assert_returns(0, push_content(store, "a", "content", false, &pushed));
    assert_string_equal(expected.s, pushed.digest.s);
    assert_int_equal(7, pushed.size);
    assert_true(pushed.is_new);
    assert_content("content", store->path, layout_blob(&path, &expected));
    assert_linked(store, "a", &expected);
    assert_false(unit_exists(store->path, "repositories/a/_uploads")); /* it was no session */
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_what_is_there_is_linked(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    struct pushed_blob pushed;
    struct layout_path path;

    unit_age(store->path, layout_blob(&path, &digest), 5000);
    assert_returns(0, push_content(store, "b", "content", false, &pushed));
    assert_false(pushed.is_new);
    assert_linked(store, "b", &digest);
    assert_true(unit_age_of(store->path, path.s) < 100); /* the collector leaves it alone */
    assert_false(unit_exists(store->path, "repositories/b/_uploads")); /* it was no session */
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_cut_off_blob_heals(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    const struct name name = unit_name("b");
    struct pushed_blob pushed;
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &digest), "cont");
    assert_returns(0, push_blob_link(unit_registry(store), &name, &digest, 7, &failure));
    assert_returns(0, push_content(store, "a", "content", false, &pushed));
    assert_true(pushed.is_new);
    assert_content("content", store->path, path.s);
}

static void test_what_breaks_off_leaves_nothing(void **state)
{
    const struct store *store = *state;
    struct pushed_blob pushed;
    struct layout_path path;
    const struct digest digest = unit_digest_of("content");

    assert_fails(SIZE_INVALID, push_content(store, "a", "content", true, &pushed));
    assert_false(unit_exists(store->path, layout_blob(&path, &digest)));
    assert_false(unit_exists(store->path, "repositories/a/_uploads")); /* it was no session */
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_link(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content"), none = unit_digest_of("none");
    const struct digest unlinked = unit_digest_of("unlinked");
    const struct name name = unit_name("b");
    struct layout_path path;

    assert_returns(0, push_blob_link(unit_registry(store), &name, &none, 4, &failure));
    assert_returns(0, repo_exists(store, &name, &failure)); /* nothing came of it */
    assert_returns(1, push_blob_link(unit_registry(store), &name, &digest, 7, &failure));
    assert_linked(store, "b", &digest);
    unit_put(store->path, layout_blob(&path, &unlinked), "unlinked");
    assert_returns(1, push_blob_link(unit_registry(store), &name, &unlinked, 8,
                                     &failure)); /* in no repository yet */
    assert_linked(store, "b", &unlinked);
}

static void test_waits_for_the_sweeper(void **state)
{
    struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    const struct name name = unit_name("b");
    struct pushed_blob pushed;
    AUTO_LOCK lock = {-1};

    store->lock_timeout_ms = 50;
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
    assert_fails(BUSY, push_blob_link(unit_registry(store), &name, &digest, 7, &failure));
    assert_fails(BUSY, push_content(store, "b", "other", false, &pushed));
}

static void test_it_is_durable(void **state)
{
    struct store *store = *state;
    struct pushed_blob pushed;
    const struct name name = unit_name("b");

    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, push_content(store, "a", "content", false, &pushed));
    trace_stop();
    trace_assert_durable();
    int data = trace_fsync("", -1);
    int named = trace_rename_to("/data", data);
    int synced = trace_fsync(digest_hex(&pushed.digest), named);
    assert_true(data >= 0 && named > data && synced > named);
    int linked = trace_rename_to("/link", -1);
    assert_true(linked > named); /* nobody sees a link to a blob that is not there */
    assert_true(trace_fsync(digest_hex(&pushed.digest), linked) > linked);
    assert_true(trace_fsync("repositories", -1) >= 0); /* which is where the repository is new */

    trace_start(store->path);
    assert_returns(1, push_blob_link(unit_registry(store), &name, &pushed.digest, 7, &failure));
    trace_stop();
    trace_assert_durable();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_digest_comes_of_it),
        STORE_TEST(test_what_is_there_is_linked),
        STORE_TEST(test_cut_off_blob_heals),
        STORE_TEST(test_what_breaks_off_leaves_nothing),
        STORE_TEST(test_link),
        STORE_TEST(test_waits_for_the_sweeper),
        STORE_TEST(test_it_is_durable),
    };

    return RUN(tests);
}
