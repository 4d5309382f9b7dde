/* SPDX-License-Identifier: Apache-2.0
 * registry/view.c, view_image.c, view_usage.c. What counts for a repository: test_usage.c. */
#include "unit/registry/content.h"

#include "registry/view.h"

#include <stdio.h>

static const struct page everything = {NULL, INT64_MAX};

static void test_repositories(void **state)
{
    const struct store *store = *state;
    struct view_repositories view;
    bool more;

    assert_returns(0, view_repositories(unit_registry(store), everything, &view, &more, &failure));
    assert_int_equal(0, view.n);
    view_repositories_free(&view);
    have_image(store, "a", "v1", "one");
    have_image(store, "a", "v2", "two");
    have_image(store, "b/c", NULL, "three");
    assert_returns(0, view_repositories(unit_registry(store), everything, &view, &more, &failure));
    assert_int_equal(2, view.n);
    assert_false(more);
    assert_string_equal("a", view.v[0].name);
    assert_int_equal(2, view.v[0].tags);
    assert_string_equal("b/c", view.v[1].name);
    assert_int_equal(0, view.v[1].tags);
    view_repositories_free(&view);
    assert_returns(
        0, view_repositories(unit_registry(store), (struct page){NULL, 1}, &view, &more, &failure));
    assert_int_equal(1, view.n);
    assert_true(more);
    view_repositories_free(&view);
    unit_break(store->path, "repositories/a/_manifests/tags");
    assert_int_equal(-1,
                     view_repositories(unit_registry(store), everything, &view, &more, &failure));
}

static void test_tags(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    struct view_tags view;

    const struct digest one = have_image(store, "a", "v1", "one");
    have_image(store, "a", "v2", "two");
    unit_put(store->path, "repositories/a/_manifests/tags/v2/current/link", "");
    assert_returns(0, view_tags(unit_registry(store), &name, &view, &failure));
    assert_int_equal(2, view.tags.n);
    assert_string_equal("v1", view_tags_one(&view, 0).tag);
    assert_string_equal(one.s, view_tags_one(&view, 0).digest);
    assert_string_equal("v2", view_tags_one(&view, 1).tag);
    assert_null(view_tags_one(&view, 1).digest);
    view_tags_free(&view);
    assert_fails(NAME_UNKNOWN, view_tags(unit_registry(store), &other, &view, &failure));
}

static void assert_part(const struct view_part *part, const char *role, const char *digest,
                        int64_t size, const char *what)
{
    assert_string_equal(role, part->role);
    assert_string_equal(digest, part->digest);
    assert_int_equal(size, part->size);
    assert_string_equal(what, part->what);
    assert_string_equal(digest, json_text(json_get(part->json, "digest")));
}

/* An index `list` of the image `v1`, to which the signature `sig` refers. */
struct family {
    struct digest config, layer, image, index, signature;
};

static struct family have_family(const struct store *store)
{
    struct family family = {.config = have_blob(store, "a", "{}"),
                            .layer = have_blob(store, "a", "layer")};

    family.image = have_manifest(
        store, "a", "v1",
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\","
        "\"config\":{\"mediaType\":\"application/x\",\"digest\":\"%s\",\"size\":2},"
        "\"layers\":[{\"mediaType\":\"application/y\",\"digest\":\"%s\",\"size\":5}]}",
        family.config.s, family.layer.s);
    family.index = have_manifest(
        store, "a", "list",
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":["
        "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":100,"
        "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}",
        family.image.s);
    family.signature = have_manifest(
        store, "a", "sig",
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
        "\",\"artifactType\":\"x/sig\","
        "\"config\":{\"mediaType\":\"application/x\",\"digest\":\"%s\",\"size\":2},\"layers\":[],"
        "\"subject\":{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
        "\",\"digest\":\"%s\",\"size\":100}}",
        family.config.s, family.image.s);
    return family;
}

/* Item 32 of issue 10: two Windows differ by nothing else, and `berth export --platform` wants one
 * of them, as it stands here. */
static void test_32_which_windows(void **state)
{
    static const struct {
        const char *platform, *shown;
    } entries[] = {
        {"{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.version\":\"10.0.17763.6414\"}",
         "windows/amd64:10.0.17763.6414"},
        {"{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.version\":\"10.0.20348.2113\"}",
         "windows/amd64:10.0.20348.2113"},
        {"{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.version\":\"\"}", "windows/amd64"},
        {"{\"os\":\"windows\",\"architecture\":\"amd64\",\"os.version\":10}", "windows/amd64"},
        {"{\"os.version\":\"10\"}", ""},
    };
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct reference reference = reference_to("list");
    const struct digest image = have_image(store, "a", NULL, "image");
    struct view_image view;
    AUTO_BUF text = BUF_INIT;

    for (size_t i = 0; i < LENGTH_OF(entries); i++)
        buf_addf(&text, "%s{\"digest\":\"%s\",\"size\":1,\"platform\":%s}", i ? "," : "", image.s,
                 entries[i].platform);
    have_manifest(store, "a", "list", "{\"schemaVersion\":2,\"manifests\":[%s]}", text.s);
    assert_returns(0, view_image(unit_registry(store), &name, &reference, &view, &failure));
    assert_int_equal(LENGTH_OF(entries), view.n_parts);
    for (size_t i = 0; i < LENGTH_OF(entries); i++)
        assert_string_equal(entries[i].shown, view.parts[i].what);
    view_image_free(&view);
}

static void test_an_index(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct family family = have_family(store);
    struct reference reference = reference_to("list");
    struct view_image view;

    assert_returns(0, view_image(unit_registry(store), &name, &reference, &view, &failure));
    assert_string_equal("a", view.name);
    assert_string_equal(family.index.s, view.digest);
    assert_string_equal(MEDIA_TYPE_OCI_INDEX, view.media_type);
    assert_int_equal(view.size + 100, view.total_size);
    assert_null(view.subject);
    assert_int_equal(1, view.n_parts);
    assert_part(&view.parts[0], "manifest", family.image.s, 100, "linux/arm64/v8");
    assert_int_equal(0, view.n_referrers);
    view_image_free(&view);
    reference = reference_to("none");
    assert_fails(MANIFEST_UNKNOWN,
                 view_image(unit_registry(store), &name, &reference, &view, &failure));
}

static void test_an_image_and_its_referrer(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct family family = have_family(store);
    struct reference reference = reference_to(family.image.s);
    struct view_image view;

    assert_returns(0, view_image(unit_registry(store), &name, &reference, &view, &failure));
    assert_int_equal(1, view.tags.n);
    assert_string_equal("v1", view.tags.v[0]);
    assert_int_equal(view.size + 7, view.total_size);
    assert_int_equal((int64_t)view.pulled.bytes.len, view.size);
    assert_int_equal(2, view.n_parts);
    assert_part(&view.parts[0], "config", family.config.s, 2, "");
    assert_part(&view.parts[1], "layer", family.layer.s, 5, "");
    assert_string_equal("application/y", view.parts[1].media_type);
    assert_int_equal(1, view.n_referrers);
    assert_string_equal("referrer", view.referrers[0].role);
    assert_string_equal(family.signature.s, view.referrers[0].digest);
    assert_string_equal("x/sig", view.referrers[0].what);
    assert_true(view.referrers[0].size > 100);
    view_image_free(&view);
    reference = reference_to("sig");
    assert_returns(0, view_image(unit_registry(store), &name, &reference, &view, &failure));
    assert_string_equal(family.image.s, view.subject);
    view_image_free(&view);
}

/* What frees the most comes first; equals by what they share, and then by name. */
static void test_usage(void **state)
{
    const struct store *store = *state;
    struct view_usage view;

    have_blob(store, "a", "small");
    have_blob(store, "b", "much larger");
    have_blob(store, "c", "small");
    have_blob(store, "d", "much larger");
    have_blob(store, "d", "own");
    for (const char *name = "abcd"; *name; name++)
        have_image(store, (char[]){*name, '\0'}, "v1", "mark");
    assert_returns(0, view_usage(unit_registry(store), true, NULL, &view, &failure));
    assert_int_equal(4, view.n);
    assert_string_equal("d", view.v[0].name);
    assert_string_equal("b", view.v[1].name);
    assert_string_equal("a", view.v[2].name);
    assert_string_equal("c", view.v[3].name);
    assert_int_equal(1, view.v[0].own.n);
    assert_int_equal(3, view.v[0].own.bytes);
    for (size_t i = 0; i < view.n; i++) {
        assert_int_equal(1, view.v[i].manifests);
        assert_int_equal(view.v[i].own.n + view.v[i].shared.n, view.v[i].total.n);
        assert_int_equal(view.v[i].own.bytes + view.v[i].shared.bytes, view.v[i].total.bytes);
    }
    assert_int_equal(view.store.blobs.n, view.store.referenced.n);
    assert_int_equal(0, view.store.unreferenced.n);
    view_usage_free(&view);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_repositories),
        STORE_TEST(test_tags),
        STORE_TEST(test_an_index),
        STORE_TEST(test_32_which_windows),
        STORE_TEST(test_an_image_and_its_referrer),
        STORE_TEST(test_usage),
    };

    return RUN(tests);
}
