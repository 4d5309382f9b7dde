/* SPDX-License-Identifier: Apache-2.0
 * fsck/fsck_manifest.c, fsck/fsck_reference.c, fsck/fsck_tag.c: what gc takes for sound, fsck does
 * too. */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "registry/list.h"
#include "store/blob.h"
#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct digest put_text(const struct store *store, const char *tag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static struct digest put_text(const struct store *store, const char *tag, const char *fmt, ...)
{
    char text[2000];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return put_manifest(store, "a", tag, text);
}

/* Issue 10, item 1. The large one would take a gigabyte to read. */
static void test_1_layers_as_children_and_subjects(void **state)
{
    const struct store *store = *state;
    const struct digest layer = have_blob(store, "a", "layer"),
                        config = have_blob(store, "a", "{}"),
                        large = have_blob(store, "a", "large");
    struct fsck_options fast = {.fast = true, .grace = 3600};
    struct layout_path path;

    put_text(store, "cache",
             "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":5},"
             "{\"digest\":\"%s\",\"size\":2}],\"subject\":{\"digest\":\"%s\",\"size\":5}}",
             layer.s, config.s, layer.s);
    fsck_repair(store); /* the entry among the referrers */
    assert_string_equal("", fsck_check(store));
    put_text(store, "large",
             "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":%jd}]}", large.s,
             (intmax_t)1 << 30);
    char *file = NULL;
    assert_true(asprintf(&file, "%s/%s", store->path, layout_blob(&path, &large)) > 0);
    assert_int_equal(0, truncate(file, (off_t)1 << 30));
    free(file);
    assert_string_equal("", fsck_found(store, &fast, NULL));
}

/* Issue 10, item 2: named, whole, and no fault. */
static void test_2_schema_1(void **state)
{
    const struct store *store = *state;
    struct fsck_options options = {.jobs = 1, .grace = 3600};
    struct fsck_summary summary;
    const struct digest layer = have_blob(store, "a", "layer");
    struct layout_path path;

    put_text(store, "old",
             "{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"%s\"}],\"signatures\":[]}",
             layer.s);
    assert_string_equal("MANIFEST-OBSOLETE ", fsck_found(store, &options, &summary));
    assert_int_equal(1, summary.notes);
    assert_int_equal(0, summary.errors + summary.warnings);
    unit_delete(store->path, layout_blob(&path, &layer));
    assert_string_equal("BLOB-MISSING MANIFEST-OBSOLETE ", fsck_found(store, &options, &summary));
    assert_int_equal(1, summary.errors);
}

/* What the collector cannot read, fsck names: a tag at what is none, and one beyond manifest_limit.
 */
static void test_what_is_no_manifest(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    struct layout_path path;

    have_blob(store, "a", "layer");
    const struct digest digest = put_text(store, "odd", "{\"schemaVersion\":7}");
    assert_string_equal("MANIFEST-INVALID ", fsck_check(store));
    unit_delete(store->path, layout_revision(&path, &name, &digest));
    assert_string_equal("MANIFEST-INVALID ", fsck_check(store));
    assert_string_equal("MANIFEST-INVALID ", fsck_repair(store));
    unit_delete(store->path, "repositories/a/_manifests/tags");
    put_text(store, "large", "{\"schemaVersion\":2}");
    assert_string_equal("", fsck_check(store));
    store->manifest_limit = 10;
    assert_string_equal("MANIFEST-INVALID ", fsck_check(store));
}

/* Issue 10, item 4: what names a wrong size is a warning, and stays. */
static void test_4_sizes(void **state)
{
    const struct store *store = *state;
    struct fsck_options options = {.jobs = 1, .grace = 3600, .repair = true};
    struct fsck_summary summary;
    const struct digest layer = have_blob(store, "a", "layer");
    int64_t size;

    put_text(store, "v1", "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"%s\",\"size\":4}]}",
             layer.s);
    assert_string_equal("MANIFEST-SIZE ", fsck_found(store, &options, &summary));
    assert_int_equal(1, summary.warnings);
    assert_int_equal(0, summary.errors + summary.repaired);
    assert_returns(1, blob_stat(store, &layer, &size, &failure));
}

/* Issue 10, item 38: the referrers of a fork of Distribution are listed once they are mended. */
static void test_38_referrers_of_another_program(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = have_image(store, "a", "v1", "image");
    struct page all = {.n = 10};
    AUTO_BUF before = BUF_INIT, after = BUF_INIT;
    struct digest last;
    char path[400];
    bool more;

    struct json_writer list = json_writer_begin(&before), again = json_writer_begin(&after);
    json_writer_array(&list, NULL);
    json_writer_array(&again, NULL);
    const struct digest referrer =
        put_text(store, "sbom", "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":9}}",
                 subject.s);
    snprintf(path, sizeof path, "repositories/a/_referrers/subjects/sha256/%s/sha256/%s/link",
             digest_hex(&subject), digest_hex(&referrer));
    unit_put(store->path, path, referrer.s);
    assert_returns(0, list_referrers(unit_registry(store), &name, &subject, NULL, all, &list, &last,
                                     &more, &failure));
    assert_string_equal("[", before.s);
    assert_string_equal("FOREIGN-FILE REFERRER-MISSING ", fsck_check(store));
    fsck_repair(store);
    assert_string_equal("", fsck_check(store));
    assert_returns(0, list_referrers(unit_registry(store), &name, &subject, NULL, all, &again,
                                     &last, &more, &failure));
    assert_non_null(strstr(after.s, referrer.s));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_1_layers_as_children_and_subjects),
        STORE_TEST(test_2_schema_1),
        STORE_TEST(test_what_is_no_manifest),
        STORE_TEST(test_4_sizes),
        STORE_TEST(test_38_referrers_of_another_program),
    };

    return RUN(tests);
}
