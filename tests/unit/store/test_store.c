/* SPDX-License-Identifier: Apache-2.0
 * store/store.c: opening a store; writing, finding and removing links. */
#include "unit/unit.h"

#include "store/layout.h"

#include <stdio.h>

static int open_at(struct store *store, const char *root, bool create)
{
    struct store_settings settings = {
        .root = (char *)root,
        .durability = STORE_DURABILITY_FULL,
        .file_mode = 0640,
        .dir_mode = 0750,
        .lock_timeout = 3,
        .grace = 60,
    };

    return store_open(store, &settings, create, &failure);
}

static void test_creating_a_store(void **state)
{
    const struct unit_dir *dir = *state;
    struct store store;
    char path[128];

    assert_returns(0, open_at(&store, dir->path, true));
    snprintf(path, sizeof path, "%s/docker/registry/v2", dir->path);
    assert_string_equal(path, store.path);
    assert_int_equal(3000, store.lock_timeout_ms);
    assert_int_equal(60, store.grace);
    assert_true(store.fs.durable);
    assert_content("1\n", path, "_berth/version");
    assert_int_equal(0600, unit_mode(path, "_berth/version"));
    assert_int_equal(0700, unit_mode(path, "_berth"));
    assert_int_equal(0, unit_count(path, "blobs"));
    assert_int_equal(0, unit_count(path, "repositories"));
    assert_int_equal(0, unit_count(path, "_berth/tmp"));
    assert_int_equal(0, unit_count(path, "_berth/lock/repo"));
    assert_int_equal(0750, unit_mode(path, "repositories"));
    store_close(&store);
    assert_int_equal(-1, store.fs.fd);
    assert_null(store.path);
}

static struct store_settings shared_at(const char *root)
{
    return (struct store_settings){.root = (char *)root,
                                   .file_mode = 0640,
                                   .dir_mode = 0750,
                                   .lock_timeout = 3,
                                   .grace = 60,
                                   .shared = true};
}

#define ID LAYOUT_PREFIX "/" LAYOUT_ID

static void test_35_a_shared_store_has_an_id(void **state)
{
    const struct unit_dir *dir = *state;
    const struct store_settings conf = shared_at(dir->path);
    struct store store;

    assert_fails(UNREACHABLE, store_open(&store, &conf, true, &failure));
    assert_non_null(strstr(failure.msg, dir->path));
    assert_non_null(strstr(failure.msg, "berth check-storage"));
    assert_int_equal(0, unit_count(dir->path, "."));
    unit_put(dir->path, LAYOUT_PREFIX "/x", ""); /* an empty mount point, or another thing */
    assert_fails(UNREACHABLE, store_open(&store, &conf, true, &failure));
    assert_non_null(strstr(failure.msg, "is it mounted?"));
    assert_int_equal(1, unit_count(dir->path, LAYOUT_PREFIX));
    unit_put(dir->path, ID, "one");
    assert_returns(0, store_open(&store, &conf, true, &failure));
    assert_true(unit_exists(dir->path, LAYOUT_PREFIX "/repositories"));
    assert_returns(0, store_reach(&store, &failure));
    unit_delete(dir->path, ID);
    assert_fails(UNREACHABLE, store_reach(&store, &failure));
    store_close(&store);
}

static void test_35_a_lost_store_comes_back(void **state)
{
    const struct unit_dir *dir = *state;
    const struct store_settings conf = shared_at(dir->path);
    struct store store;

    unit_put(dir->path, ID, "one");
    assert_returns(0, store_open(&store, &conf, true, &failure));
    int before = store.fs.fd;
    assert_returns(0, store_return(&store, &conf, &failure));
    assert_int_equal(before, store.fs.fd); /* it is not lost */
    store.lost = true;
    unit_put(dir->path, ID, "two");
    assert_fails(UNREACHABLE, store_return(&store, &conf, &failure));
    unit_delete(dir->path, ID);
    assert_fails(UNREACHABLE, store_return(&store, &conf, &failure));
    assert_true(store.lost);
    unit_put(dir->path, ID, "one");
    assert_returns(1, store_return(&store, &conf, &failure));
    assert_false(store.lost);
    file_close(&store.fs.fd); /* as good as one whose client has died */
    assert_returns(1, store_return(&store, &conf, &failure));
    assert_returns(0, store_reach(&store, &failure));
    store_close(&store);
}

/* As that of a worker that began while it was not mounted. */
static void test_35_one_that_was_never_there(void **state)
{
    const struct unit_dir *dir = *state;
    const struct store_settings conf = shared_at(dir->path);
    struct store store;

    assert_fails(UNREACHABLE, store_open(&store, &conf, true, &failure));
    store.lost = true;
    assert_fails(UNREACHABLE, store_return(&store, &conf, &failure));
    unit_put(dir->path, ID, "one");
    assert_returns(1, store_return(&store, &conf, &failure));
    assert_string_equal("one", store.id);
    store_close(&store);
}

/* One that has no id is not made where it was mounted, so that no push is hidden later.
 */
static void test_35_what_is_not_shared_comes_back_and_is_not_made(void **state)
{
    const struct unit_dir *dir = *state;
    struct store_settings conf = shared_at(dir->path);
    struct store store;
    char here[300], away[300];

    conf.shared = false;
    snprintf(here, sizeof here, "%s/docker", dir->path);
    snprintf(away, sizeof away, "%s/away", dir->path);
    assert_returns(0, store_open(&store, &conf, true, &failure));
    store.lost = true;
    assert_int_equal(0, rename(here, away));
    assert_returns(-1, store_return(&store, &conf, &failure));
    assert_true(store.lost);
    assert_false(unit_exists(dir->path, "docker"));
    assert_int_equal(0, rename(away, here));
    assert_returns(1, store_return(&store, &conf, &failure));
    assert_false(store.lost);
    store_close(&store);
}

static void test_opening_without_creating(void **state)
{
    const struct unit_dir *dir = *state;
    struct store store;

    assert_fails(IO, open_at(&store, dir->path, false));
    assert_non_null(strstr(failure.msg, dir->path));
    assert_int_equal(0, unit_count(dir->path, "."));
    assert_null(store.path); /* nothing is left to close */
    /* Distribution's store: no _berth yet. */
    unit_put(dir->path, LAYOUT_PREFIX "/blobs/sha256/x", "");
    assert_returns(0, open_at(&store, dir->path, false));
    store_close(&store);
    assert_int_equal(1, unit_count(dir->path, LAYOUT_PREFIX)); /* nothing was written */
}

static void test_a_newer_version_is_refused(void **state)
{
    static const char *const versions[] = {"2\n", "10\n", "1", "", "1\n2\n"};
    const struct unit_dir *dir = *state;
    struct store store;

    for (size_t i = 0; i < LENGTH_OF(versions); i++) {
        unit_put(dir->path, LAYOUT_PREFIX "/_berth/version", versions[i]);
        assert_fails(CONFIG, open_at(&store, dir->path, true));
        assert_fails(CONFIG, open_at(&store, dir->path, false));
        assert_content(versions[i], dir->path, LAYOUT_PREFIX "/_berth/version");
    }
    unit_put(dir->path, LAYOUT_PREFIX "/_berth/version", "1\n");
    assert_returns(0, open_at(&store, dir->path, true));
    store_close(&store);
}

/* Issue 10, item 38: the first start on another program's tree is told, once. */
static void test_38_a_first_start_on_another_programs_store(void **state)
{
    const struct unit_dir *dir = *state;
    struct store store;

    for (int foreign = 0; foreign < 2; foreign++) {
        if (foreign) {
            unit_delete(dir->path, LAYOUT_PREFIX "/_berth");
            unit_put(dir->path, LAYOUT_PREFIX "/repositories/a/_layers/x", "");
        }
        if (foreign) { /* nothing begins by looking */
            assert_returns(0, open_at(&store, dir->path, false));
            assert_false(store.is_adopted);
            store_close(&store);
        }
        for (int again = 0; again < 2; again++) {
            assert_returns(0, open_at(&store, dir->path, true));
            assert_int_equal(foreign && !again, store.is_adopted);
            assert_int_equal(!foreign,
                             unit_exists(dir->path, LAYOUT_PREFIX "/_berth/holders/complete"));
            store_close(&store);
        }
    }
}

static void test_a_store_that_cannot_be_made(void **state)
{
    static const char *const in_the_way[] = {"blobs", "_berth/lock", "_berth/version/x"};
    const struct unit_dir *dir = *state;
    struct store store;

    for (size_t i = 0; i < LENGTH_OF(in_the_way); i++) {
        char path[100];
        snprintf(path, sizeof path, LAYOUT_PREFIX "/%s", in_the_way[i]);
        unit_put(dir->path, path, "");
        assert_fails(IO, open_at(&store, dir->path, true));
        assert_int_equal(-1, store.fs.fd);
        unit_delete(dir->path, "docker");
    }
    /* An administrator's link to a larger disk: berth would not follow it later. */
    unit_symlink("/tmp", dir->path, LAYOUT_PREFIX "/repositories");
    assert_fails(IO, open_at(&store, dir->path, true));
}

static void test_writing_leaves_no_temporary_file(void **state)
{
    const struct store *store = *state;
    AUTO_DIRTY dirty = {0};

    assert_returns(0, store_write(store, "repositories/a/x", "new\0!", 5, &dirty, &failure));
    assert_content("new", store->path, "repositories/a/x");
    unit_put(store->path, "repositories/b/x/inside", "");
    assert_fails(IO, store_write(store, "repositories/b/x", "new", 3, &dirty, &failure));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
}

static void test_a_link_is_the_digest_alone(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest(DIGEST_SHA512, "x");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, store_has_link(store, "a/b/link", &failure));
    assert_returns(0, store_write_link(store, "a/b/link", &digest, &dirty, &failure));
    assert_returns(1, store_has_link(store, "a/b/link", &failure));
    assert_content(digest.s, store->path, "a/b/link");
}

static void test_what_is_no_link(void **state)
{
    const struct store *store = *state;

    unit_put(store->path, "dir/link/file", "");
    unit_put(store->path, "file", "");
    unit_symlink("file", store->path, "alias");
    assert_returns(0, store_has_link(store, "dir/link", &failure));
    assert_returns(0, store_has_link(store, "file/link", &failure));
    assert_returns(0, store_has_link(store, "alias", &failure));
}

static void test_removing_a_link_takes_its_directory(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("x");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, store_write_link(store, "a/b/link", &digest, &dirty, &failure));
    assert_returns(0, store_write_link(store, "a/c/link", &digest, &dirty, &failure));
    unit_put(store->path, "a/c/other", "");
    dirty_free(&dirty);
    assert_returns(1, store_remove_link(store, "a/b/link", &dirty, &failure));
    assert_false(unit_exists(store->path, "a/b"));
    assert_int_equal(2, dirty.n);
    assert_string_equal("a/b", dirty.path[0]);
    assert_string_equal("a", dirty.path[1]);
    assert_returns(1, store_remove_link(store, "a/c/link", &dirty, &failure));
    assert_true(unit_exists(store->path, "a/c/other"));
    assert_returns(0, store_remove_link(store, "a/b/link", &dirty, &failure));
}

static void test_scratch(void **state)
{
    const struct store *store = *state;
    AUTO_FD fd = -1;
    char bytes[4];

    assert_returns(0, store_scratch(store, &fd, &failure));
    assert_int_equal(0, unit_count(store->path, LAYOUT_TMP));
    assert_returns(0, file_pwrite_all(fd, "text", 4, 0, &failure));
    assert_returns(0, file_pread_all(fd, bytes, 4, 0, &failure));
    assert_memory_equal("text", bytes, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_creating_a_store),
        DIR_TEST(test_35_a_shared_store_has_an_id),
        DIR_TEST(test_35_a_lost_store_comes_back),
        DIR_TEST(test_35_one_that_was_never_there),
        DIR_TEST(test_35_what_is_not_shared_comes_back_and_is_not_made),
        DIR_TEST(test_opening_without_creating),
        DIR_TEST(test_a_newer_version_is_refused),
        DIR_TEST(test_a_store_that_cannot_be_made),
        STORE_TEST(test_writing_leaves_no_temporary_file),
        STORE_TEST(test_a_link_is_the_digest_alone),
        STORE_TEST(test_what_is_no_link),
        STORE_TEST(test_removing_a_link_takes_its_directory),
        STORE_TEST(test_scratch),
        DIR_TEST(test_38_a_first_start_on_another_programs_store),
    };

    return RUN(tests);
}
