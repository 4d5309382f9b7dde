/* SPDX-License-Identifier: Apache-2.0
 * src/gc: what lives and what goes; nothing goes that is young, that was renewed while the
 * collector ran, or that a repository may need of which something cannot be read. */
#include "unit/gc/gc_runs.h"

#include "base/timing.h"
#include "registry/freshen.h"
#include "registry/remove.h"
#include "store/blob.h"
#include "store/holder.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdio.h>
#include <stdlib.h>

static void test_only_what_nobody_reaches_goes(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest used = have_blob(store, "a", "used"),
                        lonely = have_blob(store, "a", "lonely");
    const struct digest shared = have_blob(store, "b", "lonely");
    const struct digest image = have_manifest(store, "a", "v1", LAYER_OF(used));

    assert_string_equal(lonely.s, shared.s);
    have_manifest(store, "b", "v1", LAYER_OF(shared));
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    char expected[400];
    snprintf(expected, sizeof expected, "link a@%s ", lonely.s);
    assert_string_equal(expected, told.removed);
    assert_true(has_blob(store, &lonely)); /* b has it */
    assert_true(has_manifest(store, "a", &image) && has_blob(store, &used));
    assert_int_equal(2, totals.repositories.kept);
    assert_int_equal(2, totals.manifests.kept);
    assert_int_equal(4, totals.blobs.kept);
    assert_int_equal(0, totals.problems);
}

static void test_a_blob_comes_back(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest lonely = have_blob(store, "a", "12345");
    char expected[400];

    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.removed); /* it is young: somebody is about to push its manifest */
    age_all(store);
    totals = gc(store, &told);
    snprintf(expected, sizeof expected, "link a@%s repository a@ blob %s ", lonely.s, lonely.s);
    assert_string_equal(expected, told.removed);
    assert_int_equal(5, totals.bytes);
    assert_false(has_blob(store, &lonely));
    assert_false(unit_exists(store->path, "repositories/a"));
    assert_true(unit_exists(store->path, "repositories"));
}

/* What another host renewed may be seen late, and by another clock. */
static void test_34_lateness_is_added_to_the_grace(void **state)
{
    struct store *store = *state;
    struct told told = {.store = NULL};
    char late[64];

    have_blob(store, "a", "lonely");
    age_all(store);
    store->shared = true;
    snprintf(late, sizeof late, "late %d\nclock 0\nmount x\n", (OLD - GRACE + 100) * 1000);
    unit_put(store->path, LAYOUT_STORAGE "/other", late);
    gc(store, &told);
    assert_string_equal("", told.removed);
    snprintf(late, sizeof late, "late %d\nclock 0\nmount x\n", (OLD - GRACE - 100) * 1000);
    unit_put(store->path, LAYOUT_STORAGE "/other", late);
    collect(store, &told, true);
    assert_non_null(strstr(told.removed, "blob "));
    unit_delete(store->path, LAYOUT_STORAGE "/other");
    unit_break(store->path, LAYOUT_STORAGE "/other"); /* it is not known */
    struct gc_totals totals;
    assert_fails(IO, gc_run(store, &(struct gc_options){.grace = GRACE}, &totals, &failure));
}

/* Before it looks again, its host must see what the others did until it got the lock. */
static void test_34_it_waits_for_what_is_seen_late(void **state)
{
    struct store *store = *state;
    struct told told = {.store = NULL};

    have_blob(store, "a", "lonely");
    age_all(store);
    store->shared = true;
    unit_put(store->path, LAYOUT_STORAGE "/other", "late 150\nclock 20000\nmount x\n");
    struct gc_totals totals = collect(store, &told, false);
    assert_non_null(strstr(told.removed, "blob "));
    assert_true(totals.longest_pause >= 150 && totals.longest_pause < 20000);
}

static void test_grace_begins_when_the_tag_goes(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "layer"),
                        other = have_blob(store, "a", "other");
    const struct digest image = have_manifest(store, "a", "v1", LAYER_OF(layer));
    const struct digest index = have_manifest(store, "a", "multi", INDEX_OF(image));

    age_all(store);
    untag(store, "a", "v1");
    have_manifest(store, "a", "multi", LAYER_OF(other)); /* moves it */
    gc(store, &told);
    assert_string_equal("", told.removed);
    age_all(store);
    gc(store, &told);
    /* The index before its child. */
    char *first = strstr(told.removed, index.s), *second = strstr(told.removed, image.s);
    assert_true(first && second && first < second);
    assert_false(has_manifest(store, "a", &image) || has_manifest(store, "a", &index));
    assert_false(has_blob(store, &layer) || has_blob(store, &image) || has_blob(store, &index));
    assert_true(has_blob(store, &other));
    struct layout_path path;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("multi");
    assert_false(unit_exists(store->path, layout_tag_index(&path, &name, &tag, &index)));
}

/* Docker's trap: the children of an index have no tags. */
static void test_children_of_a_tagged_index_live(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "layer");
    const struct digest image = have_manifest(store, "a", NULL, LAYER_OF(layer));
    const struct digest inner = have_manifest(store, "a", NULL, INDEX_OF(image));

    have_manifest(store, "a", "v1", INDEX_OF(inner));
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.removed);
}

static void test_referrers_live_as_long_as_their_subject(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest image = have_image(store, "a", "v1", "image"),
                        gone = unit_digest_of("gone");
    const struct digest signature = have_manifest(store, "a", NULL, REFERS_TO(image));
    const struct digest sbom = have_manifest(store, "a", NULL, REFERS_TO(signature));
    const struct digest orphan = have_manifest(store, "a", NULL, REFERS_TO(gone));
    char tag[200];

    snprintf(tag, sizeof tag, "sha256-%s.sig", digest_hex(&image));
    const struct digest cosign = have_image(store, "a", tag, "cosign");
    snprintf(tag, sizeof tag, "sha256-%s", digest_hex(&gone));
    const struct digest elsewhere = have_image(store, "a", tag, "of another repository's image");
    age_all(store);
    gc(store, &told);
    char expected[400];
    snprintf(expected, sizeof expected, "manifest a@%s blob %s ", orphan.s, orphan.s);
    assert_string_equal(expected, told.removed);
    untag(store, "a", "v1");
    gc(store, &told);
    assert_true(has_manifest(store, "a", &signature) && has_manifest(store, "a", &cosign));
    age_all(store);
    gc(store, &told);
    assert_false(has_manifest(store, "a", &image) || has_manifest(store, "a", &signature) ||
                 has_manifest(store, "a", &sbom) || has_manifest(store, "a", &cosign));
    assert_true(has_manifest(store, "a", &elsewhere));
    assert_int_equal(1, unit_count(store->path, "repositories/a/_manifests/tags"));
    assert_int_equal(0, unit_count(store->path, "repositories/a/_referrers/sha256"));
}

/* Some name a tag for what it points at. */
static void test_a_tag_of_its_own_digest_is_a_tag(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest image = have_image(store, "a", NULL, "image");
    struct name name = unit_name("a");
    struct layout_path path;
    struct tag tag;

    snprintf(tag.s, sizeof tag.s, "sha256-%s", digest_hex(&image));
    unit_put(store->path, layout_tag_current(&path, &name, &tag), image.s);
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.removed);
}

static void test_nothing_goes_where_something_cannot_be_read(void **state)
{
    const struct store *store = *state;
    const struct digest lonely = have_blob(store, "a", "lonely"),
                        elsewhere = have_blob(store, "b", "elsewhere");
    const struct digest old = have_image(store, "a", NULL, "untagged");
    const struct digest image = have_image(store, "a", "v1", "image");
    struct name name = unit_name("a");
    struct tag tag = unit_tag("v1");
    struct layout_path path;

    const char *damage[] = {"manifest", "missing", "tag", "schema 1"};
    for (size_t i = 0; i < LENGTH_OF(damage); i++) {
        struct told told = {.store = NULL};
        if (i == 2)
            unit_put(store->path, layout_tag_current(&path, &name, &tag), "");
        else if (i == 1)
            unit_delete(store->path, layout_blob(&path, &image));
        else
            unit_put(store->path, layout_blob(&path, &image),
                     i ? "{\"schemaVersion\":1}" : "damaged");
        age_all(store);
        struct gc_totals totals = gc(store, &told);
        assert_true(totals.problems > 0 && strstr(told.problems, "a: "));
        assert_true(has_blob(store, &lonely) && has_blob(store, &old));
        assert_null(strstr(told.removed, "a@"));
        assert_int_equal(i == 0, strstr(told.removed, elsewhere.s) != NULL); /* the first time */
        unit_put(store->path, layout_tag_current(&path, &name, &tag), image.s);
    }
}

static void test_no_blob_goes_where_repositories_may_be_hidden(void **state)
{
    const struct store *store = *state;
    const struct digest lonely = have_blob(store, "a", "lonely");
    const char *odd[] = {"repositories/Upper/_layers/x", "repositories/a/b c/x"};

    for (size_t i = 0; i <= LENGTH_OF(odd); i++) {
        struct told told = {.store = NULL};
        if (i < LENGTH_OF(odd))
            unit_put(store->path, odd[i], "");
        else
            unit_symlink("/somewhere", store->path, "repositories/linked");
        age_all(store);
        struct gc_totals totals = gc(store, &told);
        assert_int_equal(2, totals.problems);
        assert_true(has_blob(store, &lonely));
        char *slash = i < LENGTH_OF(odd) ? strrchr(odd[i], '/') : NULL;
        char dir[100];
        snprintf(dir, sizeof dir, "%s/%.*s", store->path, slash ? (int)(slash - odd[i]) : 0,
                 slash ? odd[i] : "");
        if (slash) {
            unit_delete(store->path, odd[i]);
            assert_int_equal(0, remove(dir));
        }
        if (i == 0) {
            snprintf(dir, sizeof dir, "%s/repositories/Upper", store->path);
            assert_int_equal(0, remove(dir));
        }
    }
}

static struct digest image_below, layer_below;

static void push_an_index(const struct store *store)
{
    have_manifest(store, "a", "v2", INDEX_OF(image_below));
}

static void push_again(const struct store *store)
{
    have_manifest(store, "a", "again", LAYER_OF(layer_below));
}

static void ask_for_the_layer(const struct store *store)
{
    const struct name name = unit_name("a");
    assert_returns(1, freshen_promise_blob(unit_registry(store), &name, &layer_below, &failure));
}

/* All of this comes between the marks and the sweep. */
static void test_what_is_named_meanwhile_stays(void **state)
{
    const struct store *store = *state;
    void (*happens[])(const struct store *) = {push_an_index, push_again, ask_for_the_layer};

    for (size_t i = 0; i < LENGTH_OF(happens); i++) {
        struct told told = {.meanwhile = happens[i]};
        layer_below = have_blob(store, "a", "layer");
        image_below = have_manifest(store, "a", NULL, LAYER_OF(layer_below));
        have_image(store, "a", "keep", "keep");
        age_all(store);
        collect(store, &told, false);
        assert_true(has_blob(store, &layer_below));
        const struct name name = unit_name("a");
        assert_returns(1, repo_has_layer(store, &name, &layer_below, &failure));
        if (happens[i] != ask_for_the_layer)
            assert_true(has_manifest(store, "a", &image_below));
        untag(store, "a",
              happens[i] == push_an_index ? "v2"
              : happens[i] == push_again  ? "again"
                                          : "keep");
        age_all(store);
        collect(store, &told, false);
        assert_false(has_blob(store, &layer_below));
    }
}

static void test_uploads(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    struct push_session stale = session_in("a", ""), busy = session_in("a", ""),
                        young = session_in("b", "");
    struct text_body text = {"bytes", false};
    AUTO_UPLOAD open = {.fd = -1};
    int64_t offset;

    assert_returns(0, push_blob_start(unit_registry(store), &stale, DIGEST_SHA256, &failure));
    assert_returns(0, push_blob_chunk(unit_registry(store), &stale, ANYWHERE, body_of(&text),
                                      &offset, &failure));
    assert_returns(0, push_blob_start(unit_registry(store), &busy, DIGEST_SHA256, &failure));
    age_all(store);
    assert_returns(0, push_blob_start(unit_registry(store), &young, DIGEST_SHA256, &failure));
    assert_returns(0, upload_open(store, &busy.name, busy.id, "", &open, &failure));
    struct gc_options options = {.grace = GRACE, .removes = told_removes, .context = &told};
    struct gc_totals totals;
    age_all(store);
    assert_returns(0, push_blob_start(unit_registry(store), &young, DIGEST_SHA256, &failure));
    assert_returns(0, gc_expire(store, &options, &totals, &failure));
    assert_int_equal(2, totals.uploads.removed); /* stale, and young's first one */
    assert_int_equal(2, totals.uploads.kept);
    assert_non_null(strstr(told.removed, stale.id));
    assert_null(strstr(told.removed, busy.id));
    assert_true(totals.bytes >= 5);
    assert_fails(UPLOAD_UNKNOWN, push_blob_offset(unit_registry(store), &stale, &offset, &failure));
    assert_returns(0, push_blob_offset(unit_registry(store), &young, &offset, &failure));
    assert_returns(0, push_blob_offset(unit_registry(store), &busy, &offset, &failure));
}

/* A repository that holds uploads alone is collected, too, once they are stale. */
static void test_a_repository_of_uploads(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    struct push_session session = session_in("deep/down/a", "");

    assert_returns(0, push_blob_start(unit_registry(store), &session, DIGEST_SHA256, &failure));
    gc(store, &told);
    assert_true(unit_exists(store->path, "repositories/deep/down/a"));
    age_all(store);
    gc(store, &told);
    assert_false(unit_exists(store->path, "repositories/deep"));
}

static void test_litter(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};

    unit_put(store->path, "_berth/tmp/file", "12345678");
    unit_put(store->path, "_berth/tmp/tree/below/file", "x");
    age_all(store);
    unit_put(store->path, "_berth/tmp/young", "x");
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("litter _berth/tmp/file litter _berth/tmp/tree ", told.removed);
    assert_int_equal(8, totals.bytes);
    assert_int_equal(1, unit_count(store->path, "_berth/tmp"));
}

/* However slow its client is. */
static void test_an_upload_that_goes_on_is_no_litter(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct told told = {.store = NULL};
    struct upload upload;

    assert_returns(0, upload_begin(store, &name, DIGEST_SHA256, &upload, &failure));
    age_all(store);
    gc(store, &told);
    assert_true(unit_exists(store->path, upload.tmp));
    upload_close(&upload); /* its process was killed */
    gc(store, &told);
    assert_false(unit_exists(store->path, upload.tmp));
}

/* What Distribution leaves of a tag that it was making, and of what its collector removed. */
/* Issue 10, item 24: who had a blob is forgotten with it. */
static void test_24_holders_go_with_their_blobs(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest lonely = have_blob(store, "a", "lonely");
    const struct digest image = have_image(store, "b", "v1", "image");
    const struct digest config = unit_digest_of("{}");
    struct layout_path path;
    struct name holder;

    age_all(store);
    gc(store, &told);
    assert_false(has_blob(store, &lonely));
    assert_true(has_manifest(store, "b", &image));
    assert_content("", store->path, layout_holders(&path, digest_hex(&lonely)));
    assert_returns(1, holder_find(store, &config, NULL, NULL, &holder, &failure));
    assert_string_equal("b", holder.s);
}

/* Issue 10, item 3. */
static void test_3_what_storage_leaves_is_no_repository(void **state)
{
    static const char *const litter[] = {"repositories/lost+found/x",
                                         "repositories/@eaDir/x",
                                         "repositories/a/#recycle/x",
                                         "repositories/a/_uploads/@eaDir/x",
                                         "repositories/aquota.user",
                                         "blobs/sha256/lost+found/x",
                                         "blobs/@eaDir/x",
                                         "_berth/tmp/@eaDir/x",
                                         "repositories/a/.Trash-0/_layers/x"};
    const struct store *store = *state;
    struct told told = {.store = NULL};

    have_image(store, "a", "v1", "image");
    const struct digest lonely = have_blob(store, "a", "lonely");
    for (size_t i = 0; i < LENGTH_OF(litter); i++)
        unit_put(store->path, litter[i], "x");
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.problems);
    assert_int_equal(0, totals.problems);
    assert_false(has_blob(store, &lonely));
    for (size_t i = 0; i < LENGTH_OF(litter); i++)
        assert_true(unit_exists(store->path, litter[i]));
}

static void test_leftovers_of_distribution(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest image = have_image(store, "a", "v1", "image");
    const struct digest gone = unit_digest_of("gone");
    struct layout_path path;
    const struct name name = unit_name("a");

    unit_put(store->path, layout_referrer(&path, &name, &image, &gone), "{}");
    unit_put(store->path, "repositories/a/_manifests/tags/half/index/sha256/x/link", "");
    unit_put(store->path, layout_revision(&path, &name, &gone), "");
    unit_delete(store->path, path.s);
    unit_put(store->path, layout_layer(&path, &name, &gone), "");
    unit_delete(store->path, path.s);
    age_all(store);
    gc(store, &told);
    assert_string_equal("tag a@half ", told.removed);
    assert_int_equal(1, unit_count(store->path, "repositories/a/_manifests/revisions/sha256"));
    assert_int_equal(1, unit_count(store->path, "repositories/a/_layers/sha256"));
    assert_false(unit_exists(store->path, "repositories/a/_manifests/tags/half"));
    assert_int_equal(0, unit_count(store->path, "repositories/a/_referrers/sha256"));
}

/* It keeps content that came as sha512 under its sha256, which only the link tells. */
static void test_distributions_sha512_lives(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest stored = have_blob(store, "a", "content"),
                        named = unit_digest(DIGEST_SHA512, "content");
    const struct name name = unit_name("a");
    struct layout_path path;

    unit_put(store->path, layout_layer(&path, &name, &named), stored.s);
    unit_delete(store->path, layout_layer(&path, &name, &stored));
    unit_put(store->path, layout_blob(&path, &named), "content"); /* to be let in */
    have_manifest(store, "a", "v1", LAYER_OF(named));
    unit_delete(store->path, layout_blob(&path, &named));
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.removed);
    assert_true(has_blob(store, &stored));
}

static int collect_in_child(void *context)
{
    struct store store;
    struct gc_options options = {.grace = GRACE};
    struct gc_totals totals;
    struct err err;

    if (unit_store_open(&store, context) < 0)
        return -3;
    int result = gc_run(&store, &options, &totals, &err);
    store_close(&store);
    return result < 0 ? -(int)err.code : 0;
}

static int hold_collector(void *context)
{
    struct store store;
    struct lock *lock = malloc(sizeof *lock);
    struct err err;

    return unit_store_open(&store, context) < 0 ? -3 : lock_collector(&store, lock, &err);
}

static void test_two_at_once_are_refused(void **state)
{
    struct store *store = *state;
    struct unit_child holder, second;

    unit_child_start(&holder, hold_collector, store);
    assert_int_equal(1, unit_child_result(&holder));
    unit_child_start(&second, collect_in_child, store);
    assert_int_equal(-(int)ERR_BUSY, unit_child_result(&second));
    unit_child_end(&second);
    unit_child_end(&holder);
    assert_int_equal(0, collect_in_child(store));
}

static int opened;

static void told_opens(enum timing what, const char *name, int64_t nanoseconds)
{
    (void)nanoseconds;
    opened += what == TIMING_OPEN_WRITE && name && strstr(name, "_berth/fetch/");
}

/* Whoever joins a fill takes a lock on it for a filler's. */
static void test_14_what_is_young_of_fetches_is_not_locked(void **state)
{
    const struct store *store = *state;
    struct told told = {.removed = ""};

    unit_put(store->path, "_berth/fetch/sha256/ab/young", "x");
    unit_put(store->path, "_berth/fetch/sha256/ab/left", "x");
    unit_age(store->path, "_berth/fetch/sha256/ab/left", 2 * 86400);
    timing_tell(told_opens);
    collect(store, &told, false);
    timing_tell(NULL);
    assert_true(unit_exists(store->path, "_berth/fetch/sha256/ab/young"));
    assert_false(unit_exists(store->path, "_berth/fetch/sha256/ab/left"));
    assert_int_equal(1, opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_only_what_nobody_reaches_goes),
        STORE_TEST(test_a_blob_comes_back),
        STORE_TEST(test_34_lateness_is_added_to_the_grace),
        STORE_TEST(test_34_it_waits_for_what_is_seen_late),
        STORE_TEST(test_grace_begins_when_the_tag_goes),
        STORE_TEST(test_children_of_a_tagged_index_live),
        STORE_TEST(test_referrers_live_as_long_as_their_subject),
        STORE_TEST(test_a_tag_of_its_own_digest_is_a_tag),
        STORE_TEST(test_nothing_goes_where_something_cannot_be_read),
        STORE_TEST(test_no_blob_goes_where_repositories_may_be_hidden),
        STORE_TEST(test_what_is_named_meanwhile_stays),
        STORE_TEST(test_uploads),
        STORE_TEST(test_a_repository_of_uploads),
        STORE_TEST(test_litter),
        STORE_TEST(test_an_upload_that_goes_on_is_no_litter),
        STORE_TEST(test_24_holders_go_with_their_blobs),
        STORE_TEST(test_3_what_storage_leaves_is_no_repository),
        STORE_TEST(test_leftovers_of_distribution),
        STORE_TEST(test_distributions_sha512_lives),
        STORE_TEST(test_two_at_once_are_refused),
        STORE_TEST(test_14_what_is_young_of_fetches_is_not_locked),
    };

    return RUN(tests);
}
