/* SPDX-License-Identifier: Apache-2.0
 * fsck/fsck_state.c, fsck/fsck_hash.c */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOBS 50

static void have_blobs(const struct store *store)
{
    char text[20];

    for (int i = 0; i < BLOBS; i++) {
        snprintf(text, sizeof text, "blob %d", i);
        have_blob(store, "a", text);
    }
}

/* Beside the store. */
static char *state_path(const struct store *store)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/fsck.state", store->path);
    return strdup(path.s);
}

struct stopping {
    atomic_bool stop;
    int64_t after; /* bytes */
};

static void stop_after(void *context, const char *what, int64_t done, int64_t total)
{
    struct stopping *stopping = context;

    (void)total;
    assert_string_equal("hashing", what);
    if (done >= stopping->after)
        atomic_store(&stopping->stop, true);
}

static void test_goes_on_where_it_stopped(void **state)
{
    const struct store *store = *state;
    char *path = state_path(store);
    int64_t hashed = 0;
    int runs = 0;

    have_blobs(store);
    for (bool stopped = true; stopped; runs++) {
        struct stopping stopping = {.after = 40};
        struct progress bytes = {stop_after, &stopping};
        struct fsck_options options = {
            .jobs = 3, .state = path, .bytes = &bytes, .stop = &stopping.stop};
        struct fsck_summary summary;
        assert_string_equal("", fsck_found(store, &options, &summary));
        assert_int_equal(hashed, summary.skipped);
        hashed += summary.hashed;
        stopped = summary.stopped;
        assert_int_equal(stopped, access(path, F_OK) == 0);
    }
    assert_int_equal(BLOBS, hashed);
    assert_true(runs > 3);
    free(path);
}

static void test_other_states_are_refused(void **state)
{
    const struct store *store = *state;
    char *path = state_path(store);
    struct fsck_options options = {.jobs = 1, .state = path};
    AUTO_BUF head = BUF_INIT;
    struct stat st;

    have_blobs(store);
    assert_int_equal(0, stat(store->path, &st));
    buf_addf(&head, "berth-fsck 1\nstore %s\ninode %ju:%ju\noptions\n", store->path,
             (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    size_t len = head.len;
    static const char *const wrong[] = {"at sha256:x\n", "blobs -1\n",   "blobs 1",
                                        "damaged x\n",   "colour red\n", "\n"};
    for (size_t i = 0; i < LENGTH_OF(wrong); i++) {
        head.len = len;
        buf_addstr(&head, wrong[i]);
        unit_put(store->path, "fsck.state", head.s);
        assert_fails(USAGE, fsck_run(store, &options, NULL, &failure));
    }
    unit_put(store->path, "fsck.state", "something else\n");
    assert_fails(USAGE, fsck_run(store, &options, NULL, &failure));
    options.state = "/nowhere/fsck.state";
    assert_fails(IO, fsck_run(store, &options, NULL, &failure));
    options.state = path;
    unit_put(store->path, "fsck.state", ""); /* as a power cut may leave it */
    assert_string_equal("", fsck_found(store, &options, NULL));
    free(path);
}

static void test_each_is_hashed_whatever_the_jobs(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("blob 7");
    struct layout_path path;

    have_blobs(store);
    unit_put(store->path, layout_blob(&path, &digest), "blob 8");
    for (int jobs = 1; jobs < 9; jobs++) {
        struct fsck_options options = {.jobs = jobs};
        struct fsck_summary summary;
        assert_string_equal("BLOB-DIGEST ", fsck_found(store, &options, &summary));
        assert_int_equal(BLOBS, summary.hashed);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_goes_on_where_it_stopped),
        STORE_TEST(test_other_states_are_refused),
        STORE_TEST(test_each_is_hashed_whatever_the_jobs),
    };

    return RUN(tests);
}
