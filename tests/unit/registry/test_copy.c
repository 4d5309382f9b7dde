/* SPDX-License-Identifier: Apache-2.0
 * registry/copy.c */
#include "unit/registry/content.h"

#include "registry/copy.h"
#include "registry/list.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"
#include "unit/trace.h"

struct steps {
    size_t blobs, manifests, tags;
    bool tag_was_last;
    char moved_from[sizeof(struct digest)];
};

static void note(void *context, const struct copy_step *step)
{
    struct steps *steps = context;

    steps->tag_was_last = step->tag != NULL;
    if (step->tag)
        steps->tags++;
    else if (step->is_manifest)
        steps->manifests++;
    else
        steps->blobs++;
    steps->moved_from[0] = '\0';
    if (step->moved_from)
        snprintf(steps->moved_from, sizeof steps->moved_from, "%s", step->moved_from->s);
}

static int copy_to(const struct store *store, const char *to, const char *tag,
                   const struct digest *digest, bool referrers, struct steps *steps)
{
    const struct tag parsed = unit_tag(tag ? tag : "unused");
    const struct copy copy = {.from = unit_name("a"),
                              .to = unit_name(to),
                              .digest = *digest,
                              .tag = tag ? &parsed : NULL,
                              .referrers = referrers,
                              .done = steps ? note : NULL,
                              .context = steps};

    return copy_manifest(unit_registry(store), &copy, &failure);
}

static void test_image(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("b/c");
    const struct digest image = have_image(store, "a", "v1", "mark"), config = unit_digest_of("{}");
    struct steps steps = {0};
    struct layout_path path;

    unit_age(store->path, layout_blob(&path, &config), 1000000);
    assert_returns(0, copy_to(store, "b/c", "v2", &image, true, &steps));
    assert_int_equal(1, steps.blobs);
    assert_int_equal(1, steps.manifests);
    assert_int_equal(1, steps.tags);
    assert_true(steps.tag_was_last);
    assert_string_equal("", steps.moved_from);
    assert_string_equal(image.s, tag_digest(store, "b/c", "v2"));
    assert_string_equal("", tag_digest(store, "a", "v2"));
    assert_returns(1, repo_has_layer(store, &target, &config, &failure));
    /* A collector that is under way keeps away from it. */
    assert_true(unit_age_of(store->path, layout_blob(&path, &config)) < 100);
}

static void test_without_a_tag(void **state)
{
    const struct store *store = *state;
    const struct name target = unit_name("b");
    const struct digest image = have_image(store, "a", "v1", "mark");
    AUTO_STRINGS tags = {0};

    assert_returns(0, copy_to(store, "b", NULL, &image, true, NULL));
    assert_returns(1, repo_has_revision(store, &target, &image, &failure));
    assert_returns(0, list_tags_of(unit_registry(store), &target, &image, &tags, &failure));
    assert_int_equal(0, tags.n);
}

static void test_moves_a_tag(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark");
    const struct digest before = have_image(store, "b", "v1", "before");
    struct steps steps = {0};

    assert_returns(0, copy_to(store, "b", "v1", &image, true, &steps));
    assert_string_equal(before.s, steps.moved_from);
    assert_returns(0, copy_to(store, "b", "v1", &image, true, &steps));
    assert_string_equal("", steps.moved_from);
    unit_put(store->path, "repositories/b/_manifests/tags/v1/current/link", "damaged");
    assert_returns(0, copy_to(store, "b", "v1", &image, true, &steps));
    assert_string_equal(image.s, tag_digest(store, "b", "v1"));
}

static void test_tag_within_a_repository(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark"), none = unit_digest_of("x");
    struct steps steps = {0};

    assert_returns(0, copy_to(store, "a", "v2", &image, true, &steps));
    assert_int_equal(0, steps.blobs + steps.manifests);
    assert_int_equal(1, steps.tags);
    assert_string_equal(image.s, tag_digest(store, "a", "v2"));
    assert_fails(MANIFEST_UNKNOWN, copy_to(store, "a", "v3", &none, true, NULL));
}

static void test_signatures_under_tags(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark");
    char tag[TAG_LEN_MAX + 1], of_signature[TAG_LEN_MAX + 1];
    struct steps steps = {0};

    snprintf(tag, sizeof tag, "sha256-%s.sig", digest_hex(&image));
    const struct digest signature = have_image(store, "a", tag, "signature");
    snprintf(of_signature, sizeof of_signature, "sha256-%s.att", digest_hex(&signature));
    have_image(store, "a", of_signature, "its own");
    have_image(store, "a", "sha256-0000.sig", "of something else");
    assert_returns(0, copy_to(store, "b", "v1", &image, true, &steps));
    assert_int_equal(3, steps.tags);
    assert_int_equal(3, steps.manifests);
    assert_int_equal(1, steps.blobs); /* the same configuration, once */
    assert_true(steps.tag_was_last);
    assert_string_equal(signature.s, tag_digest(store, "b", tag));
    assert_string_equal("", tag_digest(store, "b", "sha256-0000.sig"));
    assert_returns(0, copy_to(store, "c", "v1", &image, false, NULL));
    assert_string_equal("", tag_digest(store, "c", tag));
}

/* A client's list of referrers comes along, unless it names what is gone. */
static void test_a_list_of_referrers_under_a_tag(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark"),
                        child = have_image(store, "a", NULL, "child");
    struct layout_path path;
    char tag[TAG_LEN_MAX + 1];

    snprintf(tag, sizeof tag, "sha256-%s", digest_hex(&image));
    const struct digest list = have_manifest(
        store, "a", tag, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":190}]}",
        child.s);
    assert_returns(0, copy_to(store, "b", "v1", &image, true, NULL));
    assert_string_equal(list.s, tag_digest(store, "b", tag));
    unit_delete(store->path, layout_blob(&path, &child));
    assert_returns(0, copy_to(store, "c", "v1", &image, true, NULL));
    assert_string_equal("", tag_digest(store, "c", tag));
    assert_string_equal(image.s, tag_digest(store, "c", "v1"));
}

static void test_a_missing_blob_is_named(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark"), config = unit_digest_of("{}");
    struct layout_path path;

    unit_delete(store->path, layout_blob(&path, &config));
    assert_fails(BLOB_UNKNOWN, copy_to(store, "b", "v1", &image, true, NULL));
    assert_non_null(strstr(failure.msg, config.s));
    assert_string_equal("", tag_digest(store, "b", "v1"));
}

static void test_content_elsewhere_need_not_be_there(void **state)
{
    const struct store *store = *state;
    const struct digest config = have_blob(store, "a", "{}"), layer = unit_digest_of("elsewhere");
    const struct digest image = have_manifest(
        store, "a", "v1",
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"c/t\",\"digest\":\"%s\",\"size\":2},"
        "\"layers\":[{\"mediaType\":\"l/t\",\"digest\":\"%s\",\"size\":1,\"urls\":[\"http://"
        "x\"]}]}",
        config.s, layer.s);
    struct steps steps = {0};

    assert_returns(0, copy_to(store, "b", "v1", &image, true, &steps));
    assert_int_equal(1, steps.blobs);
    assert_string_equal(image.s, tag_digest(store, "b", "v1"));
}

static void test_holds_no_lock_for_long_and_takes_all(void **state)
{
    struct store *store = *state;
    const struct name target = unit_name("b");
    const struct digest image = have_image(store, "a", "v1", "mark");
    AUTO_LOCK lock = {-1};

    store->lock_timeout_ms = 50;
    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    assert_returns(0, copy_to(store, "b", "v1", &image, true, NULL));
    lock_free(&lock);
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
    assert_fails(BUSY, copy_to(store, "c", "v1", &image, true, NULL));
    lock_free(&lock);
    assert_returns(0, lock_repo(store, &target, &lock, &failure));
    assert_fails(BUSY, copy_to(store, "b", "v2", &image, true, NULL));
}

static void test_is_durable(void **state)
{
    struct store *store = *state;
    const struct digest image = have_image(store, "a", "v1", "mark");

    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, copy_to(store, "b", "v1", &image, true, NULL));
    trace_stop();
    trace_assert_durable();
    int linked = trace_rename_to("/link", -1); /* the layer's */
    assert_true(linked >= 0);
    assert_true(trace_rename_to("tags/v1/current/link", linked) > linked);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_image),
        STORE_TEST(test_without_a_tag),
        STORE_TEST(test_moves_a_tag),
        STORE_TEST(test_tag_within_a_repository),
        STORE_TEST(test_signatures_under_tags),
        STORE_TEST(test_a_list_of_referrers_under_a_tag),
        STORE_TEST(test_a_missing_blob_is_named),
        STORE_TEST(test_content_elsewhere_need_not_be_there),
        STORE_TEST(test_holds_no_lock_for_long_and_takes_all),
        STORE_TEST(test_is_durable),
    };

    return RUN(tests);
}
