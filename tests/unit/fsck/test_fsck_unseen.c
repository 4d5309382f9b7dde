/* SPDX-License-Identifier: Apache-2.0
 * src/fsck: one look of a repair fails, each in its turn. It fails too, or says so, or has mended
 * all the same; and never is what it could not see taken for sound, or for gone. */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "base/dir.h"
#include "store/blob.h"
#include "store/layout.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define LOOKS_MAX 5000

/* Looks until one fails; 0: none does. Threads that hash look, too. */
static atomic_int countdown;

static bool strikes(void)
{
    return countdown > 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

int __real_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
int __wrap_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
int __wrap_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err)
{
    return strikes() ? err_sys(err, EINTR, "stat %s", path) : __real_fs_stat(root, path, st, err);
}

int __real_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err)
{
    return strikes() ? err_sys(err, EINTR, "read %s", path)
                     : __real_fs_read(root, path, limit, out, err);
}

int __real_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err);
int __wrap_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err);
int __wrap_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err)
{
    return strikes() ? err_sys(err, EINTR, "open %s", path)
                     : __real_fs_open(root, path, flags, fd, err);
}

int __real_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err);
int __wrap_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err);
int __wrap_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err)
{
    return strikes() ? err_sys(err, EINTR, "open %s", path)
                     : __real_dir_each(root, path, visit, context, err);
}

int __real_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err);
int __wrap_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err);
/* Hundreds of them find no such directory: to miss those is no harm. */
int __wrap_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err)
{
    int listed = __real_dir_list(root, path, names, err);

    if (listed < 0 || names->n == 0 || !strikes())
        return listed;
    strings_free(names);
    return err_sys(err, EINTR, "open %s", path);
}

/* Nobody else is at work. */
static size_t n_pauses;

int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
    (void)pause;
    (void)left;
    n_pauses++;
    return 0;
}

#define IMAGE "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"%s\",\"size\":5}]}"

/* Much that a repair can mend, in stores of their own: the fewer looks each of them takes, the
 * fewer times all is looked at. */

static void fill_links(const struct store *store)
{
    const struct name app = unit_name("app");
    const struct digest layer = have_blob(store, "app", "layer");
    const struct digest image = have_manifest(store, "app", "v1", IMAGE, layer.s);
    const struct digest index =
        have_manifest(store, "app", "multi",
                      "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":%zu}]}",
                      image.s, strlen(IMAGE) - strlen("%s") + strlen(layer.s));
    const struct digest signature =
        have_manifest(store, "app", NULL,
                      "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":7}}", layer.s);
    struct layout_path path;

    unit_delete(store->path, layout_layer(&path, &app, &layer));
    unit_delete(store->path, layout_revision(&path, &app, &image));
    unit_put(store->path, layout_revision(&path, &app, &index), "");
    unit_delete(store->path, layout_referrer(&path, &app, &layer, &signature));
    unit_delete(store->path, layout_tag_index(&path, &app, &(struct tag){"v1"}, &image));
}

static void fill_content(const struct store *store)
{
    const struct digest lost = have_image(store, "lost", "one", "y");
    const struct digest damaged = have_image(store, "damaged", "one", "z");
    struct layout_path path;

    unit_delete(store->path, layout_blob(&path, &lost));
    unit_put(store->path, layout_blob(&path, &damaged), "other");
}

static struct digest tagged, stray;

static void fill_places(const struct store *store)
{
    const struct name tags = unit_name("tags");
    const struct tag one = unit_tag("one");
    struct layout_path path;
    char place[160];

    tagged = have_image(store, "tags", "one", "x");
    have_blob(store, "lone", "lone");
    stray = unit_digest_of("stray");
    snprintf(place, sizeof place, "blobs/sha256/00/%s/data", digest_hex(&stray));
    unit_put(store->path, place, "stray");
    unit_put(store->path, layout_tag_current(&path, &tags, &one), "nothing");
    unit_age(store->path, layout_revision(&path, &tags, &tagged), 1800);
    unit_delete(store->path, "repositories/lone/_manifests");
    unit_age(store->path, "repositories/lone", 7200);
    unit_put(store->path, "repositories/_file", "");
}

/* What is set right is not thrown away; and whoever removes the manifest is told of its tag. */
static void check_places(const struct store *store)
{
    const struct name tags = unit_name("tags");
    struct layout_path path;
    int64_t size;

    assert_true(unit_age_of(store->path, layout_revision(&path, &tags, &tagged)) < 900);

    assert_string_equal(tagged.s, tag_digest(store, "tags", "one"));
    assert_returns(1, blob_stat(store, &stray, &size, &failure));
}

struct damage {
    void (*fill)(const struct store *store);
    void (*check)(const struct store *store); /* NULL: that nothing is wrong is all */
};

/* What a repair that ended well has mended, it has mended so that nothing is lost. */
static void check_mended(const struct store *store, const struct damage *damage, int at)
{
    const char *left = fsck_check(store);

    if (*left)
        print_error("after look %d: %s\n", at, left);
    assert_string_equal("", left);
    if (damage->check)
        damage->check(store);
}

/* One repair in which the look number `at` fails; false: there are not so many. */
static bool repair(const struct damage *damage, int at)
{
    struct fsck_options options = {.jobs = 1, .grace = 3600, .repair = true};
    struct fsck_summary summary;
    struct err err = {0};
    void *state = NULL;

    unit_store_make(&state);
    const struct store *store = state;
    damage->fill(store);
    countdown = at;
    int result = fsck_run(store, &options, &summary, &err);
    bool struck = countdown <= 0;
    countdown = 0;
    if (result == 0 && summary.errors + summary.warnings == summary.repaired)
        check_mended(store, damage, at);
    else
        assert_true(struck);
    unit_store_remove(&state);
    return struck;
}

static void fail_each_look(const struct damage *damage)
{
    int at = 1;

    while (at < LOOKS_MAX && repair(damage, at))
        at++;
    assert_true(at > 100 && at < LOOKS_MAX);
}

static void test_a_look_at_links_fails(void **state)
{
    (void)state;
    fail_each_look(&(struct damage){fill_links, NULL});
}

static void test_a_look_at_content_fails(void **state)
{
    (void)state;
    fail_each_look(&(struct damage){fill_content, NULL});
}

static void test_a_look_at_what_is_out_of_place_fails(void **state)
{
    (void)state;
    fail_each_look(&(struct damage){fill_places, check_places});
}

/* A store that berth never served has no locks: there a fault waits for what others may be about,
 * but not each of a thousand. */
static void test_very_many_faults_do_not_wait_each(void **state)
{
    const struct store *store = *state;
    const struct fsck_options fast = {.fast = true, .grace = 3600};
    struct fsck_summary summary;
    char path[80];

    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "repositories/a/_manifests/tags/t%03d/current/link", i);
        unit_put(store->path, path, "");
    }
    unit_delete(store->path, "_berth");
    n_pauses = 0;
    assert_non_null(strstr(fsck_found(store, &fast, &summary), "TAG-DAMAGED"));
    assert_true(summary.errors >= 1000);
    assert_in_range(n_pauses, 32 + 1000 / 256, 50);
}

/* What somebody may be making without a lock waits for him, but not each of a thousand. */
static void test_9_very_many_half_made_repositories_do_not_wait_each(void **state)
{
    const struct store *store = *state;
    const struct fsck_options fast = {.fast = true, .grace = 3600};
    struct fsck_summary summary;
    char path[160];

    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "repositories/a%03d/_manifests/revisions/sha256/%064d/link", i,
                 i);
        unit_put(store->path, path, "");
    }
    n_pauses = 0;
    assert_non_null(strstr(fsck_found(store, &fast, &summary), "REPOSITORY-LAYERS"));
    assert_true(summary.errors >= 1000);
    assert_in_range(n_pauses, 32, 200);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_look_at_links_fails),
        cmocka_unit_test(test_a_look_at_content_fails),
        cmocka_unit_test(test_a_look_at_what_is_out_of_place_fails),
        STORE_TEST(test_very_many_faults_do_not_wait_each),
        STORE_TEST(test_9_very_many_half_made_repositories_do_not_wait_each),
    };

    return RUN(tests);
}
