/* SPDX-License-Identifier: Apache-2.0
 * store/blob.c */
#include "unit/unit.h"

#include "base/dir.h"
#include "store/blob.h"
#include "store/layout.h"
#include "unit/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_publish_and_read(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    AUTO_FD fd = -1;
    int64_t size = -1;
    char bytes[8] = "";

    assert_returns(0, blob_stat(store, &digest, &size, &failure));
    assert_returns(0, blob_open(store, &digest, &fd, &size, &failure));
    assert_returns(0, unit_publish(store, &digest, "content", 7, &dirty, &failure));
    assert_content("content", store->path, layout_blob(&path, &digest));
    assert_returns(1, blob_stat(store, &digest, &size, &failure));
    assert_int_equal(7, size);
    size = -1;
    assert_returns(1, blob_open(store, &digest, &fd, &size, &failure));
    assert_int_equal(7, size);
    assert_int_equal(7, read(fd, bytes, sizeof bytes));
    assert_string_equal("content", bytes);
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_publish_file_moves_it(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest(DIGEST_SHA512, "content");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    unit_put(store->path, "_berth/tmp/upload", "content");
    assert_returns(0, blob_publish_file(store, &digest, "_berth/tmp/upload", &dirty, &failure));
    assert_content("content", store->path, layout_blob(&path, &digest));
    assert_false(unit_exists(store->path, "_berth/tmp/upload"));
    assert_fails(IO, blob_publish_file(store, &digest, "_berth/tmp/upload", &dirty, &failure));
    assert_content("content", store->path, path.s);
}

static void test_publishing_heals_a_damaged_blob(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    unit_put(store->path, layout_blob(&path, &digest), "damaged!");
    assert_returns(0, blob_verify(store, &digest, &failure));
    assert_returns(0, unit_publish(store, &digest, "content", 7, &dirty, &failure));
    assert_content("content", store->path, path.s);
    assert_returns(1, blob_verify(store, &digest, &failure));
    unit_put(store->path, path.s, "");
    unit_put(store->path, "_berth/tmp/upload", "content");
    assert_returns(0, blob_publish_file(store, &digest, "_berth/tmp/upload", &dirty, &failure));
    assert_content("content", store->path, path.s);
}

/* More than is read at a time, to be copied and to be verified. */
static void test_publish_a_copy(void **state)
{
    const struct store *store = *state;
    AUTO_BUF text = BUF_INIT;
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    AUTO_FD fd = -1;

    while (text.len < 600000)
        buf_addf(&text, "%zu ", text.len);
    const struct digest digest = unit_digest_of(text.s);
    unit_put(store->path, "original", text.s);
    assert_true(fs_open(&store->fs, "original", O_RDONLY, &fd, &failure) == 1);
    assert_returns(0, blob_verify(store, &digest, &failure));
    struct fs_new copy = {0}, longer = {0};
    assert_returns(0, store_prepare_copy(store, fd, (int64_t)text.len, &copy, &dirty, &failure));
    assert_returns(0, blob_place(&digest, &copy, &dirty, &failure));
    assert_content(text.s, store->path, layout_blob(&path, &digest));
    assert_returns(1, blob_verify(store, &digest, &failure));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_fails(IO,
                 store_prepare_copy(store, fd, (int64_t)text.len + 1, &longer, &dirty, &failure));
    fs_new_drop(&longer);
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_content(text.s, store->path, path.s);
}

static void test_publish_is_durable(void **state)
{
    struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    AUTO_DIRTY dirty = {0};

    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, unit_publish(store, &digest, "content", 7, &dirty, &failure));
    assert_returns(0, dirty_sync(&store->fs, &dirty, &failure));
    trace_stop();
    trace_assert_durable();
    /* The data, four directories once each, and the one in which `blobs` is young. */
    assert_int_equal(6, trace_count_fsync());
}

static void test_what_is_no_plain_file_is_no_blob(void **state)
{
    const struct store *store = *state;
    const struct digest linked = unit_digest_of("link"), dir = unit_digest_of("directory");
    struct layout_path path;
    int64_t size;
    int fd = -1;

    unit_put(store->path, "secret", "s");
    unit_symlink("../../../../secret", store->path, layout_blob(&path, &linked));
    assert_returns(0, blob_stat(store, &linked, &size, &failure));
    assert_true(blob_open(store, &linked, &fd, &size, &failure) <= 0);
    unit_put(store->path, layout_blob(&path, &dir), "");
    unit_delete(store->path, path.s);
    AUTO_DIRTY dirty = {0};
    assert_returns(0, dir_make(&store->fs, path.s, &dirty, &failure));
    assert_returns(0, blob_stat(store, &dir, &size, &failure));
    assert_fails(IO, blob_open(store, &dir, &fd, &size, &failure));
    assert_returns(0, blob_freshen(store, &dir, &failure));
    assert_int_equal(-1, fd);
}

static void test_freshen_renews_only_what_is_half_as_old_as_the_grace(void **state)
{
    const struct store *store = *state; /* whose grace is 1000 s */
    const struct digest digest = unit_digest_of("content");
    struct layout_path path;

    layout_blob(&path, &digest);
    assert_returns(0, blob_freshen(store, &digest, &failure));
    unit_put(store->path, path.s, "content");
    unit_age(store->path, path.s, 490);
    assert_returns(1, blob_freshen(store, &digest, &failure));
    assert_true(labs(unit_age_of(store->path, path.s) - 490) < 5);
    unit_age(store->path, path.s, 510);
    assert_returns(1, blob_freshen(store, &digest, &failure));
    assert_true(unit_age_of(store->path, path.s) < 100);
    assert_content("content", store->path, path.s);
}

struct walk {
    struct buf seen; /* digests, a line each */
    int64_t bytes;
    size_t n, stop_at; /* 0: never */
    int stop;
};

static int visit(void *context, const struct digest *digest, int64_t size, struct err *err)
{
    struct walk *walk = context;

    buf_addf(&walk->seen, "%s\n", digest->s);
    walk->bytes += size;
    if (++walk->n != walk->stop_at)
        return 0;
    return walk->stop < 0 ? err_set(err, ERR_BUSY, "enough") : walk->stop;
}

static void test_walk_is_in_the_order_of_digests(void **state)
{
    const struct store *store = *state;
    struct walk all = {0}, one = {.stop_at = 1, .stop = 1}, bad = {.stop_at = 2, .stop = -1};
    AUTO_DIRTY dirty = {0};
    struct layout_path path;

    for (int i = 0; i < 700; i++) { /* more than there are directories */
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        const struct digest digest = unit_digest_of(text);
        assert_returns(0, unit_publish(store, &digest, text, strlen(text), &dirty, &failure));
    }
    const struct digest other = unit_digest(DIGEST_SHA512, "0");
    assert_returns(0, unit_publish(store, &other, "0", 1, &dirty, &failure));
    unit_put(store->path, "blobs/sha256/stray", "");
    unit_put(store->path, "blobs/sha256/00/stray/data", "");
    const struct digest gone = unit_digest_of("0"), known = unit_digest_of("1");
    unit_delete(store->path, layout_blob(&path, &gone)); /* its directory stays */
    char wrong[2048];
    snprintf(wrong, sizeof wrong, "blobs/sha256/zz/%s/data", digest_hex(&known));
    unit_put(store->path, wrong, "");

    assert_returns(0, blob_walk(store, DIGEST_SHA256, visit, &all, &failure));
    assert_int_equal(699, all.n);
    assert_int_equal(10 + 2 * 90 + 3 * 600 - 1, all.bytes);
    for (size_t i = 1; i < all.n; i++)
        assert_true(strncmp(all.seen.s + (i - 1) * 72, all.seen.s + i * 72, 71) < 0);
    buf_free(&all.seen);
    assert_returns(0, blob_walk(store, DIGEST_SHA256, visit, &one, &failure));
    assert_int_equal(1, one.n);
    buf_free(&one.seen);
    assert_fails(BUSY, blob_walk(store, DIGEST_SHA256, visit, &bad, &failure));
    assert_int_equal(2, bad.n);
    buf_free(&bad.seen);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_publish_and_read),
        STORE_TEST(test_publish_file_moves_it),
        STORE_TEST(test_publishing_heals_a_damaged_blob),
        STORE_TEST(test_publish_a_copy),
        STORE_TEST(test_publish_is_durable),
        STORE_TEST(test_what_is_no_plain_file_is_no_blob),
        STORE_TEST(test_freshen_renews_only_what_is_half_as_old_as_the_grace),
        STORE_TEST(test_walk_is_in_the_order_of_digests),
    };

    return RUN(tests);
}
