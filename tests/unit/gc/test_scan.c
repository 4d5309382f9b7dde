/* SPDX-License-Identifier: Apache-2.0
 * gc/scan.c, gc/settle.c: what is named as a manifest and is none, or of another time, or large. */
#include "unit/gc/gc_runs.h"

#include "gc/graph.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/repo.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define AN_INDEX(list, ...) "{\"schemaVersion\":2,\"manifests\":[" list "]}", __VA_ARGS__
#define CHILD "{\"digest\":\"%s\",\"size\":5}"

static struct digest put_index(const struct store *store, const char *tag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static struct digest put_index(const struct store *store, const char *tag, const char *fmt, ...)
{
    char text[2000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return put_manifest(store, "a", tag, text);
}

/* Issue 10, item 1: BuildKit's cache is an index of layers, and a subject may be anything. */
static void test_1_a_layer_as_child_or_subject_is_a_leaf(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "layer"),
                        config = have_blob(store, "a", "{}"),
                        near = have_blob(store, "a", "{\"schemaVersion\":2,\"layers\":7}"),
                        empty = have_blob(store, "a", ""), lonely = have_blob(store, "a", "lonely");

    put_index(store, "cache", AN_INDEX(CHILD "," CHILD "," CHILD, layer.s, config.s, near.s));
    put_index(store, "to-layer", "{\"schemaVersion\":2,\"subject\":" CHILD "}", layer.s);
    put_index(store, "to-empty", "{\"schemaVersion\":2,\"subject\":" CHILD "}", empty.s);
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.problems);
    assert_int_equal(0, totals.problems);
    assert_true(has_blob(store, &layer) && has_blob(store, &config) && has_blob(store, &near));
    assert_true(has_blob(store, &empty));
    assert_false(has_blob(store, &lonely));
    assert_int_equal(1, totals.blobs.removed);
}

/* One that nobody can read in a moment: it would take a gigabyte, and has another digest. */
static void test_1_a_large_layer_is_not_read(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "large");
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &layer), "{");
    char *file = NULL;
    assert_true(asprintf(&file, "%s/%s", store->path, path.s) > 0);
    assert_int_equal(0, truncate(file, (off_t)1 << 30));
    free(file);
    put_index(store, "cache", AN_INDEX(CHILD, layer.s));
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.problems);
    assert_int_equal(0, totals.problems);
}

/* Distribution's first versions kept manifests there. */
static void test_1_a_manifest_that_is_held_as_a_layer_is_followed(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    char text[300];
    const struct digest layer = have_blob(store, "a", "layer");

    snprintf(text, sizeof text, LAYER_OF(layer));
    const struct digest child = have_blob(store, "a", text);
    put_index(store, "index", AN_INDEX(CHILD, child.s));
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.problems);
    assert_string_equal("", told.removed);
}

/* A child that is there and cannot be read may name anything. */
static void test_1_a_leaf_that_cannot_be_read_is_none(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest child = have_blob(store, "a", "{\"schemaVersion\":2}"),
                        lonely = have_blob(store, "a", "lonely");
    struct layout_path path;

    put_index(store, "index", AN_INDEX(CHILD, child.s));
    unit_put(store->path, layout_blob(&path, &child), "{\"schemaVersion\":2,");
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    assert_true(totals.problems > 0);
    assert_true(has_blob(store, &lonely));
}

/* Issue 10, item 2: what docker pushed to registry:2 once. */
static void test_2_schema_1_keeps_its_blobs(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "layer"),
                        other = have_blob(store, "a", "other"),
                        lonely = have_blob(store, "a", "lonely");

    put_index(store, "old",
              "{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"%s\"},{\"blobSum\":\"%s\"},"
              "{\"blobSum\":\"%s\"}],\"signatures\":[]}",
              layer.s, other.s, layer.s);
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.problems);
    assert_int_equal(0, totals.problems);
    assert_true(has_blob(store, &layer) && has_blob(store, &other));
    assert_false(has_blob(store, &lonely));
}

/* Issue 10, item 4: the withdrawn artifact manifest of OCI keeps its content in `blobs`. */
static void test_4_blobs_of_artifacts_live(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest blob = have_blob(store, "a", "blob");

    put_index(
        store, "artifact",
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\","
        "\"blobs\":[" CHILD "]}",
        blob.s);
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.problems);
    assert_string_equal("", told.removed);
}

/* Issue 10, item 5: it wants to go before its child, as an index, and after it, as a referrer. */
static void test_5_an_index_of_its_own_subject_goes(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest child = put_manifest(store, "a", "child", "{\"schemaVersion\":2}");
    const struct digest index = put_index(store, "index", AN_INDEX(CHILD, child.s));

    const struct digest both = put_index(
        store, "both", "{\"schemaVersion\":2,\"manifests\":[" CHILD "],\"subject\":" CHILD "}",
        child.s, child.s);
    untag(store, "a", "child");
    untag(store, "a", "index");
    untag(store, "a", "both");
    age_all(store);
    gc(store, &told);
    assert_string_equal("", told.problems);
    assert_false(has_manifest(store, "a", &child) || has_manifest(store, "a", &index));
    assert_false(has_manifest(store, "a", &both) || has_blob(store, &both));
}

/* --- issue 10, item 6: no command takes more than 64 MB --- */

#define DESCRIPTORS 20000

/* An image, or an index, of so many layers or children, of which only the first is there. */
static struct digest put_large(const struct store *store, const char *repository, const char *tag,
                               const char *list, const struct digest *first)
{
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text, "{\"schemaVersion\":2,\"annotations\":{\"mark\":\"%s\"},\"%s\":[", tag, list);
    buf_addf(&text, CHILD, first->s);
    for (int i = 0; i < DESCRIPTORS; i++)
        buf_addf(&text,
                 ",{\"mediaType\":\"application/"
                 "vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:%064d\","
                 "\"size\":1}",
                 i);
    buf_addstr(&text, "]}");
    return put_manifest(store, repository, tag, text.s);
}

/* Kilobytes that the collector took at its largest. */
static int growth(void *context)
{
    struct store store;
    struct gc_options options = {.grace = GRACE};
    struct gc_totals totals;
    struct rusage before, after;

    if (unit_store_open(&store, context) < 0)
        return -3;
    getrusage(RUSAGE_SELF, &before);
    int result = gc_run(&store, &options, &totals, NULL);
    getrusage(RUSAGE_SELF, &after);
    store_close(&store);
    return result < 0 || totals.problems ? -4 : (int)(after.ru_maxrss - before.ru_maxrss);
}

/* An allocator that gives back nothing, as AddressSanitizer's, keeps no statistics. */
static int growth_max(void)
{
    return mallinfo2().arena > 0 ? 64 << 10 : 1 << 20;
}

static void test_6_memory_is_bounded(void **state)
{
    struct store *store = *state;
    struct unit_child child;
    struct digest layers[4];

    /* Beyond GRAPH_EDGES_MAX in two repositories, in four read at a time. */
    for (int r = 0; r < 4; r++) {
        const char *repositories[] = {"a", "b", "c", "d"};
        layers[r] = have_blob(store, repositories[r], repositories[r]);
        have_blob(store, repositories[r], "lonely");
        for (int i = 0; i < (r < 2 ? 15 : 2); i++) {
            char tag[20];
            snprintf(tag, sizeof tag, "large%d", i);
            put_large(store, repositories[r], tag, i % 3 ? "layers" : "manifests", &layers[r]);
        }
    }
    assert_true(15 * DESCRIPTORS > GRAPH_EDGES_MAX);
    age_all(store);
    unit_child_start(&child, growth, store);
    assert_in_range(unit_child_result(&child), 0, growth_max());
    unit_child_end(&child);
    for (int r = 0; r < 4; r++)
        assert_true(has_blob(store, &layers[r]));
    struct digest lonely = unit_digest_of("lonely");
    assert_false(has_blob(store, &lonely));
}

/* Where what manifests name is read again, the dead go all the same, and in order. */
static void test_6_large_ones_die_as_others(void **state)
{
    const struct store *store = *state;
    struct told told = {.store = NULL};
    const struct digest layer = have_blob(store, "a", "layer");
    char text[300];

    snprintf(text, sizeof text, LAYER_OF(layer));
    const struct digest child = put_manifest(store, "a", "child", text);
    for (int i = 0; i < 15; i++) {
        char tag[20];
        snprintf(tag, sizeof tag, "large%d", i);
        const struct digest index = put_large(store, "a", tag, "manifests", &child);
        untag(store, "a", tag);
        assert_true(has_manifest(store, "a", &index));
    }
    untag(store, "a", "child");
    age_all(store);
    struct gc_totals totals = gc(store, &told);
    assert_string_equal("", told.problems);
    assert_int_equal(16, totals.manifests.removed);
    const char *last = strstr(told.removed, child.s);
    assert_non_null(last);
    assert_null(strstr(last + 1, "manifest "));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_1_a_layer_as_child_or_subject_is_a_leaf),
        STORE_TEST(test_1_a_large_layer_is_not_read),
        STORE_TEST(test_1_a_manifest_that_is_held_as_a_layer_is_followed),
        STORE_TEST(test_1_a_leaf_that_cannot_be_read_is_none),
        STORE_TEST(test_2_schema_1_keeps_its_blobs),
        STORE_TEST(test_4_blobs_of_artifacts_live),
        STORE_TEST(test_5_an_index_of_its_own_subject_goes),
        STORE_TEST(test_6_memory_is_bounded),
        STORE_TEST(test_6_large_ones_die_as_others),
    };

    return RUN(tests);
}
