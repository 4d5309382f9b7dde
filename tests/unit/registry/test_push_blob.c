/* SPDX-License-Identifier: Apache-2.0
 * registry/push_blob.c */
#include "unit/registry/content.h"

#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"
#include "unit/trace.h"

static struct push_session start(const struct store *store)
{
    struct push_session session = session_in("a", "alice");

    assert_returns(0, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
    return session;
}

static int chunk(const struct store *store, const struct push_session *session,
                 struct push_range range, const char *text, int64_t *offset)
{
    struct text_body body = {text, false};

    return push_blob_chunk(unit_registry(store), session, range, body_of(&body), offset, &failure);
}

static int finish(const struct store *store, const struct push_session *session,
                  struct push_range range, const struct digest *digest, const char *text)
{
    struct text_body body = {text, false};
    int64_t offset;

    return push_blob_finish(unit_registry(store), session, range, digest, body_of(&body), &offset,
                            &failure);
}

static void assert_offset(const struct store *store, const struct push_session *session,
                          int64_t expected)
{
    int64_t offset = -1;

    assert_returns(0, push_blob_offset(unit_registry(store), session, &offset, &failure));
    assert_int_equal(expected, offset);
}

static void assert_gone(const struct store *store, const struct push_session *session)
{
    int64_t offset;

    assert_fails(UPLOAD_UNKNOWN,
                 push_blob_offset(unit_registry(store), session, &offset, &failure));
    assert_int_equal(0, unit_count(store->path, "repositories/a/_uploads"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void assert_has(const struct store *store, const char *repository,
                       const struct digest *digest, const char *content)
{
    const struct name name = unit_name(repository);
    struct layout_path path;

    assert_returns(1, repo_has_layer(store, &name, digest, &failure));
    assert_content(content, store->path, layout_blob(&path, digest));
}

static void test_chunks(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("hello chunked world");
    struct push_session session = start(store);
    int64_t offset = -1;

    assert_offset(store, &session, 0);
    assert_returns(0, chunk(store, &session, ANYWHERE, "hello ", &offset));
    assert_int_equal(6, offset);
    assert_returns(0, chunk(store, &session, (struct push_range){6, 13}, "chunked ", &offset));
    assert_int_equal(14, offset);
    assert_returns(0, chunk(store, &session, ANYWHERE, "", &offset));
    assert_int_equal(14, offset);
    assert_offset(store, &session, 14);
    assert_returns(0, finish(store, &session, (struct push_range){14, 18}, &digest, "world"));
    assert_has(store, "a", &digest, "hello chunked world");
    assert_gone(store, &session);
}

static void test_finish_without_chunks_and_without_a_last_one(void **state)
{
    const struct store *store = *state;
    const struct digest whole = unit_digest_of("whole"), empty = unit_digest_of("");
    struct push_session session = start(store);
    int64_t offset;

    assert_returns(0, finish(store, &session, ANYWHERE, &whole, "whole"));
    assert_has(store, "a", &whole, "whole");
    session = start(store);
    assert_returns(0, chunk(store, &session, ANYWHERE, "whole", &offset));
    assert_returns(0, finish(store, &session, ANYWHERE, &whole, ""));
    session = start(store);
    assert_returns(0, finish(store, &session, ANYWHERE, &empty, ""));
    assert_has(store, "a", &empty, "");
    assert_gone(store, &session);
}

static void test_sha512_that_only_the_end_names(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest(DIGEST_SHA512, "hello world");
    struct push_session session = start(store);
    int64_t offset;

    assert_returns(0, chunk(store, &session, ANYWHERE, "hello ", &offset));
    assert_returns(0, finish(store, &session, ANYWHERE, &digest, "world"));
    assert_has(store, "a", &digest, "hello world");
    session = start(store);
    assert_returns(0, finish(store, &session, ANYWHERE, &digest, "hello world"));
}

static void test_out_of_order(void **state)
{
    static const struct push_range wrong[] = {{0, 4}, {1, 3},  {4, 6},
                                              {6, 8}, {9, 11}, {INT64_MAX, INT64_MAX}};
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("12345678");
    struct push_session session = start(store);
    int64_t offset;

    assert_returns(0, chunk(store, &session, (struct push_range){0, 4}, "12345", &offset));
    for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
        struct text_body body = {"678", false};
        offset = -1;
        assert_fails(UPLOAD_RANGE, chunk(store, &session, wrong[i], "678", &offset));
        assert_int_equal(5, offset); /* where to go on */
        offset = -1;
        assert_fails(UPLOAD_RANGE, push_blob_finish(unit_registry(store), &session, wrong[i],
                                                    &digest, body_of(&body), &offset, &failure));
        assert_int_equal(5, offset);
    }
    assert_offset(store, &session, 5);
    assert_returns(0, finish(store, &session, (struct push_range){5, 7}, &digest, "678"));
}

static void test_chunk_is_as_long_as_it_says(void **state)
{
    static const struct push_range wrong[] = {{5, 6}, {5, 8}, {5, INT64_MAX}};
    const struct store *store = *state;
    struct push_session session = start(store);
    int64_t offset;

    assert_fails(SIZE_INVALID,
                 chunk(store, &session, (struct push_range){0, INT64_MAX}, "1", &offset));
    assert_returns(0, chunk(store, &session, (struct push_range){0, 4}, "12345", &offset));
    for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
        assert_fails(SIZE_INVALID, chunk(store, &session, wrong[i], "678", &offset));
        assert_offset(store, &session, 5);
        assert_int_equal(1, unit_count(store->path, "repositories/a/_uploads"));
    }
}

static void test_what_breaks_off_is_taken_back(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("12345678");
    struct push_session session = start(store);
    struct layout_path path;
    int64_t offset;

    assert_returns(0, chunk(store, &session, ANYWHERE, "12345", &offset));
    for (int i = 0; i < 2; i++) {
        struct text_body body = {"half of it", true};
        assert_fails(SIZE_INVALID,
                     i ? push_blob_chunk(unit_registry(store), &session, ANYWHERE, body_of(&body),
                                         &offset, &failure)
                       : push_blob_finish(unit_registry(store), &session, ANYWHERE, &digest,
                                          body_of(&body), &offset, &failure));
        assert_offset(store, &session, 5);
        layout_upload(&path, &session.name, session.id, "data");
        assert_content("12345", store->path, path.s);
    }
    assert_returns(0, finish(store, &session, ANYWHERE, &digest, "678"));
}

static void test_wrong_digest_ends_the_session(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("something else");
    struct push_session session = start(store);
    int64_t offset, size;

    assert_returns(0, chunk(store, &session, ANYWHERE, "some", &offset));
    assert_fails(DIGEST_INVALID, finish(store, &session, ANYWHERE, &digest, "thing"));
    assert_gone(store, &session);
    assert_returns(0, blob_stat(store, &digest, &size, &failure));
    assert_returns(0, repo_has_layer(store, &session.name, &digest, &failure));
}

static void test_in_one_go(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("whole"), other = unit_digest_of("other");
    struct push_session session = session_in("a", "");
    struct text_body good = {"whole", false}, wrong = {"whole", false}, broken = {"whole", true};

    assert_fails(DIGEST_INVALID, push_blob_whole(unit_registry(store), &session, &other,
                                                 body_of(&wrong), &failure));
    assert_fails(SIZE_INVALID, push_blob_whole(unit_registry(store), &session, &digest,
                                               body_of(&broken), &failure));
    assert_false(unit_exists(store->path, "repositories/a/_uploads"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_returns(0, repo_has_layer(store, &session.name, &digest, &failure));
    assert_returns(
        0, push_blob_whole(unit_registry(store), &session, &digest, body_of(&good), &failure));
    assert_has(store, "a", &digest, "whole");
    assert_false(unit_exists(store->path, "repositories/a/_uploads"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_pushing_again_heals(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &digest), "damaged");
    have_blob(store, "b", "content");
    assert_has(store, "a", &digest, "content");
    assert_has(store, "b", &digest, "content");
}

static void test_foreign_sessions(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("");
    struct push_session session = start(store), other_user = session, other_repository = session;
    int64_t offset;

    other_user.user = "bob";
    other_repository.name = unit_name("b");
    const struct push_session *foreign[] = {&other_user, &other_repository};
    for (size_t i = 0; i < LENGTH_OF(foreign); i++) {
        assert_fails(UPLOAD_UNKNOWN,
                     push_blob_offset(unit_registry(store), foreign[i], &offset, &failure));
        assert_fails(UPLOAD_UNKNOWN, chunk(store, foreign[i], ANYWHERE, "x", &offset));
        assert_fails(UPLOAD_UNKNOWN, finish(store, foreign[i], ANYWHERE, &digest, ""));
        assert_fails(UPLOAD_UNKNOWN, push_blob_cancel(unit_registry(store), foreign[i], &failure));
    }
    assert_offset(store, &session, 0);
}

static void test_cancel(void **state)
{
    const struct store *store = *state;
    struct push_session session = start(store);

    assert_returns(0, push_blob_cancel(unit_registry(store), &session, &failure));
    assert_gone(store, &session);
    assert_fails(UPLOAD_UNKNOWN, push_blob_cancel(unit_registry(store), &session, &failure));
}

static void test_second_writer(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("");
    struct push_session session = start(store);
    AUTO_UPLOAD upload;
    int64_t offset;

    assert_returns(0, upload_open(store, &session.name, session.id, "alice", &upload, &failure));
    assert_fails(UPLOAD_BUSY, chunk(store, &session, ANYWHERE, "x", &offset));
    assert_fails(UPLOAD_BUSY, finish(store, &session, ANYWHERE, &digest, ""));
    assert_fails(UPLOAD_BUSY, push_blob_cancel(unit_registry(store), &session, &failure));
    assert_offset(store, &session, 0);
}

static void test_mount(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("b"), from = unit_name("a"), empty = unit_name("c");
    const struct digest digest = have_blob(store, "a", "content"), none = unit_digest_of("none");
    struct layout_path path;

    assert_returns(0, push_blob_mount(unit_registry(store), &target, &none, &from, &failure));
    assert_returns(0, push_blob_mount(unit_registry(store), &target, &none, NULL, &failure));
    assert_returns(0, push_blob_mount(unit_registry(store), &target, &digest, &empty, &failure));
    assert_returns(0, repo_exists(store, &target, &failure)); /* nothing came of it */
    unit_age(store->path, layout_blob(&path, &digest), 5000);
    assert_returns(1, push_blob_mount(unit_registry(store), &target, &digest, &from, &failure));
    assert_true(unit_age_of(store->path, path.s) < 100); /* the collector leaves it alone */
    assert_has(store, "b", &digest, "content");
    const struct name anywhere = unit_name("d/e");
    assert_returns(1, push_blob_mount(unit_registry(store), &anywhere, &digest, NULL, &failure));
    assert_has(store, "d/e", &digest, "content");
}

static void test_mount_of_what_nobody_links_or_nobody_has(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("b"), from = unit_name("a");
    const struct digest unlinked = unit_digest_of("unlinked");
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &unlinked), "unlinked");
    assert_returns(0, push_blob_mount(unit_registry(store), &target, &unlinked, NULL, &failure));
    const struct digest lost = have_blob(store, "a", "lost");
    assert_returns(0, push_blob_mount(unit_registry(store), &target, &unlinked, NULL, &failure));
    unit_delete(store->path, layout_blob(&path, &lost));
    assert_returns(0, push_blob_mount(unit_registry(store), &target, &lost, &from, &failure));
}

static int n_asked;

static bool ask(const void *context, const struct name *name)
{
    (void)context;
    (void)name;
    n_asked++;
    return true;
}

/* Whoever has no notes of a blob looks at some repositories, and does not walk through all. */
static void test_mount_of_what_is_not_noted(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("new");
    const struct digest digest = have_blob(store, "a", "content"), none = unit_digest_of("none");
    struct registry registry = *unit_registry(store);
    struct layout_path shard;
    char path[64];

    registry.rules.may_pull = ask;
    unit_delete(store->path, LAYOUT_HOLDERS_COMPLETE);
    unit_delete(store->path, layout_holders(&shard, digest_hex(&digest)));
    assert_returns(1, push_blob_mount(&registry, &target, &digest, NULL, &failure));
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "repositories/group%d/app%d/_layers/x", i % 2, i);
        unit_put(store->path, path, "");
    }
    n_asked = 0;
    assert_returns(0, push_blob_mount(&registry, &target, &none, NULL, &failure));
    assert_int_equal(200, n_asked);
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("b"), from = unit_name("a");
    const struct digest digest = have_blob(store, "a", "content");
    struct push_session session = session_in("a", "");
    struct text_body body = {"content", false};
    struct layout_path path;

    unit_break(store->path, "repositories/a/_layers");
    assert_fails(IO, push_blob_mount(unit_registry(store), &target, &digest, &from, &failure));
    assert_fails(
        IO, push_blob_whole(unit_registry(store), &session, &digest, body_of(&body), &failure));
    assert_false(unit_exists(store->path, "repositories/a/_uploads"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    unit_break(store->path, "repositories/a/_uploads");
    assert_fails(IO, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
    unit_break(store->path, layout_blob_dir(&path, &digest));
    assert_fails(IO, push_blob_mount(unit_registry(store), &target, &digest, NULL, &failure));
    assert_returns(0, repo_exists(store, &target, &failure));
    unit_break(store->path, "_berth/tmp");
    assert_fails(
        IO, push_blob_whole(unit_registry(store), &session, &digest, body_of(&body), &failure));
}

static void test_waits_for_no_other_writer(void **state)
{
    struct store *store = *state;
    const struct name target = unit_name("b"), from = unit_name("a");
    AUTO_LOCK lock = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    store->lock_timeout_ms = 0;
    const struct digest digest = have_blob(store, "a", "content");
    assert_returns(1, push_blob_mount(unit_registry(store), &target, &digest, &from, &failure));
}

static void test_waits_for_the_sweeper_but_not_for_ever(void **state)
{
    struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    const struct name target = unit_name("b"), from = unit_name("a");
    struct push_session session = start(store);
    AUTO_LOCK lock = {-1};
    int64_t offset;

    store->lock_timeout_ms = 50;
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
    assert_returns(0, chunk(store, &session, ANYWHERE, "cont", &offset)); /* no lock for a chunk */
    assert_fails(BUSY, finish(store, &session, ANYWHERE, &digest, "ent"));
    assert_fails(BUSY, push_blob_mount(unit_registry(store), &target, &digest, &from, &failure));
    assert_offset(store, &session, 4); /* the client can try again */
    lock_free(&lock);
    assert_returns(0, finish(store, &session, ANYWHERE, &digest, "ent"));
}

static void test_what_is_acknowledged_is_durable(void **state)
{
    struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    const struct name other = unit_name("b");

    store->fs.durable = true;
    trace_start(store->path);
    struct push_session session = start(store);
    assert_returns(0, finish(store, &session, ANYWHERE, &digest, "content"));
    trace_stop();
    trace_assert_durable();
    int data = trace_fsync("/data", trace_rename_to("/state", -1));
    int named = trace_rename_to("/data", data);
    int synced = trace_fsync(digest_hex(&digest), named);
    assert_true(data >= 0 && named > data && synced > named);
    int linked = trace_rename_to("/link", -1);
    assert_true(linked > named); /* nobody sees a link to a blob that is not there */
    assert_true(trace_fsync(digest_hex(&digest), linked) > linked);

    trace_start(store->path);
    assert_returns(1, push_blob_mount(unit_registry(store), &other, &digest, NULL, &failure));
    trace_stop();
    trace_assert_durable();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_chunks),
        STORE_TEST(test_finish_without_chunks_and_without_a_last_one),
        STORE_TEST(test_sha512_that_only_the_end_names),
        STORE_TEST(test_out_of_order),
        STORE_TEST(test_chunk_is_as_long_as_it_says),
        STORE_TEST(test_what_breaks_off_is_taken_back),
        STORE_TEST(test_wrong_digest_ends_the_session),
        STORE_TEST(test_in_one_go),
        STORE_TEST(test_pushing_again_heals),
        STORE_TEST(test_foreign_sessions),
        STORE_TEST(test_cancel),
        STORE_TEST(test_second_writer),
        STORE_TEST(test_mount),
        STORE_TEST(test_mount_of_what_nobody_links_or_nobody_has),
        STORE_TEST(test_mount_of_what_is_not_noted),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_waits_for_no_other_writer),
        STORE_TEST(test_waits_for_the_sweeper_but_not_for_ever),
        STORE_TEST(test_what_is_acknowledged_is_durable),
    };

    return RUN(tests);
}
