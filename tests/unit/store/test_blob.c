/* SPDX-License-Identifier: Apache-2.0
 * store/blob.c */
#include "unit/unit.h"

#include "store/blob.h"
#include "store/layout.h"
#include "unit/trace.h"

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
    assert_returns(0, blob_publish_bytes(store, &digest, "content", 7, &dirty, &failure));
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
    assert_returns(0, blob_publish_bytes(store, &digest, "content", 7, &dirty, &failure));
    assert_content("content", store->path, path.s);
    unit_put(store->path, path.s, "");
    unit_put(store->path, "_berth/tmp/upload", "content");
    assert_returns(0, blob_publish_file(store, &digest, "_berth/tmp/upload", &dirty, &failure));
    assert_content("content", store->path, path.s);
}

static void test_publish_is_durable(void **state)
{
    struct store *store = *state;
    const struct digest digest = unit_digest_of("content");
    AUTO_DIRTY dirty = {0};

    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, blob_publish_bytes(store, &digest, "content", 7, &dirty, &failure));
    assert_returns(0, fs_dirty_sync(&store->fs, &dirty, &failure));
    trace_stop();
    trace_assert_durable();
    assert_int_equal(5, trace_count_fsync()); /* the data, and four directories once each */
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
    assert_returns(0, fs_mkdirs(&store->fs, path.s, &dirty, &failure));
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_publish_and_read),
        STORE_TEST(test_publish_file_moves_it),
        STORE_TEST(test_publishing_heals_a_damaged_blob),
        STORE_TEST(test_publish_is_durable),
        STORE_TEST(test_what_is_no_plain_file_is_no_blob),
        STORE_TEST(test_freshen_renews_only_what_is_half_as_old_as_the_grace),
    };

    return RUN(tests);
}
