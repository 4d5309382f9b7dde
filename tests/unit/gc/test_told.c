/* SPDX-License-Identifier: Apache-2.0
 * gc/: what the collector tells the observer. */
#include "gc/gc.h"
#include "store/blob.h"
#include "unit/registry/content.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/time.h>

#define OLD 5000 /* beyond the grace */
#define GRACE 1000

static int age_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct timeval times[2];

    (void)st;
    (void)kind;
    (void)ftw;
    gettimeofday(&times[0], NULL);
    times[0].tv_sec -= OLD;
    times[1] = times[0];
    return lutimes(path, times);
}

/* Everything in the store is as old as if nobody had come for long. */
static void age_all(const struct store *store)
{
    assert_int_equal(0, nftw(store->path, age_one, 16, FTW_PHYS));
}

static bool has_blob(const struct store *store, const struct digest *digest)
{
    int64_t size;
    return blob_stat(store, digest, &size, &failure) > 0;
}

struct heard {
    const struct store *store;
    struct digest content; /* is still there when names are told of that needed it */
    struct buf lines;
};

static void hear(void *context, const struct event *event)
{
    struct heard *heard = context;

    assert_true(has_blob(heard->store, &heard->content));
    assert_string_equal("root", event->actor->user);
    assert_int_equal(-1, event->size);
    buf_addf(&heard->lines, "%s %s%s%s%s%s\n", event_name(event->what), event->repository->s,
             event->tag ? ":" : "", event->tag ? event->tag->s : "", event->digest ? "@" : "",
             event->digest ? event->digest->s : "");
}

static void collect_heard(const struct store *store, struct heard *heard, bool dry_run)
{
    const struct gc_options options = {
        .grace = GRACE, .dry_run = dry_run, .observer = {hear, heard}, .actor = {.user = "root"}};
    struct gc_totals totals;

    heard->store = store;
    assert_returns(0, gc_run(store, &options, &totals, &failure));
}

/* Once each, when it is on disk, which is before any content goes. */
static void test_names_that_went_are_told(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", NULL, "image"),
                        config = unit_digest_of("{}");
    struct heard heard = {.content = image};
    char tag[200], expected[1000];

    snprintf(tag, sizeof tag, "sha256-%s.sig", digest_hex(&image));
    const struct digest signature = have_image(store, "a", tag, "signature");
    have_image(store, "b", "v1", "stays");
    age_all(store);
    collect_heard(store, &heard, true);
    assert_int_equal(0, heard.lines.len);
    collect_heard(store, &heard, false);
    snprintf(expected, sizeof expected,
             "tag-deleted a:%s@%s\nmanifest-deleted a@%s\nmanifest-deleted a@%s\n"
             "blob-deleted a@%s\nrepository-deleted a\n",
             tag, signature.s, signature.s, image.s, config.s);
    assert_string_equal(expected, heard.lines.s);
    buf_clear(&heard.lines);
    collect_heard(store, &heard, false);
    assert_int_equal(0, heard.lines.len);
    buf_free(&heard.lines);
}

/* Also where a blob may not go. */
static void test_names_are_told_where_no_blob_goes(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", NULL, "image");
    struct heard heard = {.content = image};

    have_image(store, "a", "v1", "stays");
    unit_put(store->path, "repositories/Upper/_layers/x", "");
    age_all(store);
    collect_heard(store, &heard, false);
    assert_non_null(strstr(heard.lines.s, "manifest-deleted a@"));
    buf_free(&heard.lines);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_names_that_went_are_told),
        STORE_TEST(test_names_are_told_where_no_blob_goes),
    };

    return RUN(tests);
}
