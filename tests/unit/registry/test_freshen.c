/* SPDX-License-Identifier: Apache-2.0
 * registry/freshen.c: what somebody relies on becomes young, whole trees of it, and only if it is
 * older than half the grace. */
#include "unit/registry/content.h"

#include "registry/freshen.h"
#include "store/layout.h"

/* Unit stores have a grace of 1000 s. */
#define OLD 600
#define YOUNG 400

static void age_blob(const struct store *store, const char *repository, const struct digest *digest,
                     long seconds)
{
    const struct name name = unit_name(repository);
    struct layout_path path;

    unit_age(store->path, layout_blob(&path, digest), seconds);
    if (unit_exists(store->path, layout_layer(&path, &name, digest)))
        unit_age(store->path, path.s, seconds);
    if (unit_exists(store->path, layout_revision(&path, &name, digest)))
        unit_age(store->path, path.s, seconds);
}

/* Of the blob and of each link to it. */
static void assert_ages(const struct store *store, const char *repository,
                        const struct digest *digest, bool young)
{
    const struct name name = unit_name(repository);
    struct layout_path path;

    assert_int_equal(young, unit_age_of(store->path, layout_blob(&path, digest)) < 100);
    if (unit_exists(store->path, layout_layer(&path, &name, digest)))
        assert_int_equal(young, unit_age_of(store->path, path.s) < 100);
    if (unit_exists(store->path, layout_revision(&path, &name, digest)))
        assert_int_equal(young, unit_age_of(store->path, path.s) < 100);
}

static void test_blob(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = have_blob(store, "a", "content"), none = unit_digest_of("none");
    struct layout_path path;

    age_blob(store, "a", &digest, OLD);
    assert_returns(0, freshen_promise_blob(unit_registry(store), &other, &digest, &failure));
    assert_ages(store, "a", &digest, false);
    assert_returns(1, freshen_promise_blob(unit_registry(store), &name, &digest, &failure));
    assert_ages(store, "a", &digest, true);
    age_blob(store, "a", &digest, YOUNG);
    assert_returns(1, freshen_promise_blob(unit_registry(store), &name, &digest, &failure));
    assert_ages(store, "a", &digest, false); /* it is safe as it is */
    /* The link alone is old. */
    unit_age(store->path, layout_layer(&path, &name, &digest), OLD);
    assert_returns(1, freshen_promise_blob(unit_registry(store), &name, &digest, &failure));
    assert_true(unit_age_of(store->path, path.s) < 100);
    assert_returns(0, freshen_blob(unit_registry(store), &name, &none, &failure));
    unit_break(store->path, layout_blob_dir(&path, &digest));
    assert_fails(IO, freshen_promise_blob(unit_registry(store), &name, &digest, &failure));
}

struct family {
    struct digest layer, image, inner, outer;
};

static struct family have_family(const struct store *store)
{
    struct family family;

    family.layer = have_blob(store, "a", "layer");
    family.image = have_manifest(
        store, "a", NULL, "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"%s\",\"size\":5}]}",
        family.layer.s);
    family.inner = have_manifest(
        store, "a", NULL, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":9}]}",
        family.image.s);
    family.outer = have_manifest(
        store, "a", NULL, "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":8}]}",
        family.inner.s);
    age_blob(store, "a", &family.layer, OLD);
    age_blob(store, "a", &family.image, OLD);
    age_blob(store, "a", &family.inner, OLD);
    age_blob(store, "a", &family.outer, OLD);
    return family;
}

static void test_manifest_with_all_that_it_needs(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct family family = have_family(store);
    const struct digest none = unit_digest_of("none");

    assert_returns(0, freshen_promise_manifest(unit_registry(store), &name, &none, &failure) -
                          1); /* nothing to renew */
    assert_returns(0, freshen_manifest(unit_registry(store), &name, &none, &failure));
    assert_returns(1,
                   freshen_promise_manifest(unit_registry(store), &name, &family.outer, &failure));
    assert_ages(store, "a", &family.outer, true);
    assert_ages(store, "a", &family.inner, true);
    assert_ages(store, "a", &family.image, true);
    assert_ages(store, "a", &family.layer, true);
}

/* An index is pushed over a child of children that a collector may be about to sweep. */
static void test_a_push_freshens_what_is_below(void **state)
{
    const struct store *store = *state;
    const struct family family = have_family(store);

    have_manifest(store, "a", "v1",
                  "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":7}]}",
                  family.inner.s);
    assert_ages(store, "a", &family.outer, false);
    assert_ages(store, "a", &family.inner, true);
    assert_ages(store, "a", &family.image, true);
    assert_ages(store, "a", &family.layer, true);
}

/* What is damaged is passed over; what is missing need not be there. */
static void test_what_cannot_be_read(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct family family = have_family(store);
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &family.inner), "damaged");
    assert_returns(1, freshen_manifest(unit_registry(store), &name, &family.outer, &failure));
    unit_delete(store->path, path.s);
    assert_returns(1, freshen_manifest(unit_registry(store), &name, &family.outer, &failure));
    assert_ages(store, "a", &family.image, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_blob),
        STORE_TEST(test_manifest_with_all_that_it_needs),
        STORE_TEST(test_a_push_freshens_what_is_below),
        STORE_TEST(test_what_cannot_be_read),
    };

    return RUN(tests);
}
