/* SPDX-License-Identifier: Apache-2.0
 * fsck/fsck.c and its parts: what happens at the same time, and what ends early. What each fault
 * is called, and that it is mended, is in tests/admin/test_fsck.py. */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "fsck/quarantine.h"
#include "index/types.h"
#include "store/blob.h"
#include "store/holder.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void damage(const struct store *store, const struct digest *digest)
{
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, digest), "other");
}

static void test_nothing_is_wrong(void **state)
{
    const struct store *store = *state;
    struct fsck_options options = {.jobs = 1};
    struct fsck_summary summary;

    assert_string_equal("", fsck_check(store));
    have_image(store, "a", "1", "x");
    have_image(store, "b/c", "1", "y");
    assert_string_equal("", fsck_found(store, &options, &summary));
    assert_int_equal(2, summary.repositories);
    assert_int_equal(2, summary.manifests);
    assert_int_equal(summary.blobs, summary.hashed);
    assert_true(summary.hashed_bytes > 0);
    assert_false(summary.stopped);
}

static void test_unreferenced_content_is_hashed_too(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};
    int64_t size;

    assert_returns(1, repo_unlink_layer(store, &name, &digest, &dirty, &failure));
    damage(store, &digest);
    assert_string_equal("BLOB-DIGEST ", fsck_check(store));
    assert_string_equal("BLOB-DIGEST ", fsck_repair(store));
    assert_returns(0, blob_stat(store, &digest, &size, &failure));
    assert_string_equal("", fsck_check(store));
}

/* What others leave behind on purpose is no fault. */
static void test_litter_is_no_fault(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    const struct name name = unit_name("a");
    struct layout_path path;

    have_image(store, "a", "1", "x");
    unit_delete(store->path, layout_blob(&path, &digest)); /* a link to nothing that nobody needs */
    unit_put(store->path, "repositories/a/_manifests/tags/new/index/sha256/.x", "");
    unit_put(store->path, "_berth/tmp/half", "");
    unit_put(store->path, "repositories/a/_layers/sha256/link.123.tmp", "");
    unit_put(store->path, "repositories/a/.hidden", "");
    /* Issue 10, item 3 */
    unit_put(store->path, "lost+found/x", "");
    unit_put(store->path, "repositories/@eaDir/x", "");
    unit_put(store->path, "repositories/a/_manifests/tags/@eaDir/x", "");
    unit_put(store->path, "repositories/a/_manifests/tags/aquota.user", "");
    unit_put(store->path, "repositories/a/_uploads/#recycle/x", "");
    unit_put(store->path, "blobs/sha256/.snapshot/x", "");
    unit_put(store->path, "blobs/.Trash-1000/files/x", "");
    assert_string_equal("", fsck_check(store));
    layout_referrer(&path, &name, &digest, &digest);
    unit_put(store->path, path.s, "{}"); /* its manifest is gone */
    struct fsck_options fast = {.fast = true, .grace = 3600};
    assert_null(strstr(fsck_found(store, &fast, NULL), "REFERRER"));
}

/* Somebody who holds the repository's lock has taken a link away, and puts it back. */
static pid_t busy_writer(const struct store *store, const struct name *name,
                         const struct digest *digest, int *ready)
{
    int ends[2];

    assert_int_equal(0, pipe(ends));
    pid_t pid = fork();
    if (pid == 0) {
        struct store own;
        struct lock gc = {-1}, repo = {-1};
        AUTO_DIRTY dirty = {0};
        struct err err;
        struct timespec pause = {.tv_nsec = 200000000};
        if (unit_store_open(&own, store) < 0 || lock_gc(&own, FS_LOCK_SHARED, &gc, &err) < 0 ||
            lock_repo(&own, name, &repo, &err) < 0 ||
            repo_unlink_layer(&own, name, digest, &dirty, &err) < 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        nanosleep(&pause, NULL);
        _exit(repo_link_layer(&own, name, digest, &dirty, &err) < 0);
    }
    close(ends[1]);
    *ready = ends[0];
    return pid;
}

static void test_what_is_under_way_is_no_fault(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest layer = have_blob(store, "a", "content");
    char byte;
    int ready, status;

    have_manifest(store, "a", "1",
                  "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x/y\",\"size\":7,"
                  "\"digest\":\"%s\"}]}",
                  layer.s);
    for (int repair = 0; repair < 2; repair++) {
        pid_t pid = busy_writer(store, &name, &layer, &ready);
        assert_int_equal(1, read(ready, &byte, 1));
        assert_string_equal("", repair ? fsck_repair(store) : fsck_check(store));
        close(ready);
        assert_int_equal(pid, waitpid(pid, &status, 0));
        assert_int_equal(0, status);
    }
}

static void test_no_lock_is_made_to_look(void **state)
{
    const struct store *store = *state;
    const struct digest layer = have_blob(store, "a", "content");
    struct layout_path path;
    const struct name name = unit_name("a");

    have_manifest(store, "a", "1",
                  "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x/y\",\"size\":7,"
                  "\"digest\":\"%s\"}]}",
                  layer.s);
    unit_delete(store->path, layout_layer(&path, &name, &layer));
    layout_repo_lock(&path, &name);
    unit_delete(store->path, path.s);
    assert_string_equal("LAYER-MISSING ", fsck_check(store));
    assert_false(unit_exists(store->path, path.s));
}

static void test_a_blob_that_is_pushed_meanwhile_stays(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    struct quarantine quarantine;
    AUTO_BUF where = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    struct layout_path path;

    damage(store, &digest);
    assert_string_equal("BLOB-DIGEST ", fsck_repair(store));
    have_blob(store, "a", "content");
    assert_string_equal("", fsck_repair(store));
    /* and the same path can be put aside several times */
    quarantine_init(&quarantine, 0);
    for (int i = 0; i < 3; i++) {
        have_blob(store, "a", "content");
        assert_returns(1, quarantine_move(store, &quarantine, layout_blob(&path, &digest), &where,
                                          &dirty, &failure));
        assert_content("content", store->path, where.s);
    }
    assert_returns(0, quarantine_move(store, &quarantine, layout_blob(&path, &digest), &where,
                                      &dirty, &failure));
}

static void test_notes_go_when_the_content_is_back(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("content");

    assert_false(quarantine_is_lost(store, &digest));
    assert_returns(0, quarantine_note_lost(store, &digest, &failure));
    assert_returns(0, quarantine_forget_found(store, &failure));
    assert_true(quarantine_is_lost(store, &digest));
    have_blob(store, "a", "content");
    assert_returns(0, quarantine_forget_found(store, &failure));
    assert_false(quarantine_is_lost(store, &digest));
}

static void test_stop(void **state)
{
    const struct store *store = *state;
    atomic_bool stop = true;
    struct fsck_options options = {.jobs = 1, .stop = &stop};
    struct fsck_summary summary;

    have_image(store, "a", "1", "x");
    assert_string_equal("", fsck_found(store, &options, &summary));
    assert_true(summary.stopped);
    assert_int_equal(0, summary.hashed);
}

static void test_a_newer_store_is_left_alone(void **state)
{
    const struct store *store = *state;
    struct fsck_options options = {.repair = true};

    unit_put(store->path, "_berth/version", "2\n");
    assert_fails(CONFIG, fsck_run(store, &options, NULL, &failure));
    assert_content("2\n", store->path, "_berth/version");
}

/* Issue 10, item 24: what is known of who has a blob is made again by a repair, and by nothing
 * less. */
static void test_24_holders_are_noted_again(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a/b", "content");
    struct name holder;

    unit_delete(store->path, "_berth/holders");
    assert_string_equal("", fsck_check(store));
    assert_returns(0, holder_find(store, &digest, NULL, NULL, &holder, &failure));
    assert_string_equal("", fsck_repair(store));
    assert_returns(1, holder_find(store, &digest, NULL, NULL, &holder, &failure));
    assert_string_equal("a/b", holder.s);
    assert_returns(1, holder_is_complete(store, &failure));
}

static void test_types_of_referrers_are_noted_again(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    const struct digest referrer = have_manifest(store, "a", NULL,
                                                 "{\"schemaVersion\":2,\"artifactType\":\"x/y\","
                                                 "\"subject\":{\"digest\":\"%s\",\"size\":1}}",
                                                 subject.s);

    assert_returns(0, types_forget(store, &failure));
    for (int i = 0; i < 2; i++) {
        AUTO_TYPES types = {0};
        types_load(store, &subject, "other", &types);
        assert_int_equal(i, types_differ(&types, &referrer));
        if (i == 0)
            assert_string_equal("", fsck_repair(store));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_nothing_is_wrong),
        STORE_TEST(test_unreferenced_content_is_hashed_too),
        STORE_TEST(test_litter_is_no_fault),
        STORE_TEST(test_what_is_under_way_is_no_fault),
        STORE_TEST(test_no_lock_is_made_to_look),
        STORE_TEST(test_a_blob_that_is_pushed_meanwhile_stays),
        STORE_TEST(test_notes_go_when_the_content_is_back),
        STORE_TEST(test_stop),
        STORE_TEST(test_a_newer_store_is_left_alone),
        STORE_TEST(test_24_holders_are_noted_again),
        STORE_TEST(test_types_of_referrers_are_noted_again),
    };

    return RUN(tests);
}
