/* SPDX-License-Identifier: Apache-2.0
 * registry/list_digests.c, and store/repo.c's repo_each_digest below it. */
#include "unit/registry/content.h"

#include "registry/list.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/repo.h"

struct seen {
    struct strings digests;
    int stop; /* returned for the first */
};

static int visit(void *context, const struct digest *digest, struct err *err)
{
    struct seen *seen = context;

    strings_add(&seen->digests, digest->s);
    return seen->stop < 0 ? err_set(err, ERR_BUSY, "enough") : seen->stop;
}

static void assert_listed(const struct store *store, const struct digest *digests, size_t n)
{
    struct seen seen = {0};
    AUTO_STRINGS expected = {0};

    for (size_t i = 0; i < n; i++)
        strings_add(&expected, digests[i].s);
    strings_sort(&expected);
    assert_returns(0, list_digests(unit_registry(store), visit, &seen, &failure));
    assert_int_equal(expected.n, seen.digests.n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(expected.v[i], seen.digests.v[i]);
    strings_free(&seen.digests);
}

static void test_all_that_some_repository_has(void **state)
{
    const struct store *store = *state;
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    assert_listed(store, NULL, 0);
    const struct digest image = have_image(store, "a", "1", "mark");
    const struct digest same = have_image(store, "b/c", "2", "mark");
    assert_string_equal(image.s, same.s);
    const struct digest layer = have_blob(store, "b/c", "layer");
    const struct digest config = unit_digest_of("{}");
    const struct digest untagged = have_image(store, "a", NULL, "other");
    const struct digest loose = unit_digest_of("nobody has it");
    assert_returns(0, unit_publish(store, &loose, "nobody has it", 13, &dirty, &failure));
    const struct digest wide = unit_digest(DIGEST_SHA512, "wide");
    const struct name name = unit_name("a");
    assert_returns(0, unit_publish(store, &wide, "wide", 4, &dirty, &failure));
    assert_returns(0, repo_link_layer(store, &name, &wide, &dirty, &failure));
    const struct digest missing = unit_digest_of("its content is gone");
    assert_returns(0, repo_link_layer(store, &name, &missing, &dirty, &failure));
    const struct digest unlinked = have_blob(store, "a", "unlinked");
    unit_delete(store->path, layout_layer(&path, &name, &unlinked)); /* its directory stays */

    const struct digest all[] = {image, config, layer, untagged, wide};
    assert_listed(store, all, LENGTH_OF(all));
}

static void test_visit_ends_it(void **state)
{
    const struct store *store = *state;
    struct seen enough = {.stop = 1}, bad = {.stop = -1};
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};

    have_image(store, "a", "1", "mark");
    have_image(store, "a", "2", "other");
    const struct digest wide = unit_digest(DIGEST_SHA512, "wide");
    assert_returns(0, unit_publish(store, &wide, "wide", 4, &dirty, &failure));
    assert_returns(0, repo_link_layer(store, &name, &wide, &dirty, &failure));
    assert_returns(0, list_digests(unit_registry(store), visit, &enough, &failure));
    assert_int_equal(1, enough.digests.n);
    assert_fails(BUSY, list_digests(unit_registry(store), visit, &bad, &failure));
    assert_int_equal(1, bad.digests.n);
    assert_returns(0, repo_each_digest(store, &name, visit, &enough, &failure));
    assert_int_equal(2, enough.digests.n);
    assert_fails(BUSY, repo_each_digest(store, &name, visit, &bad, &failure));
    assert_int_equal(2, bad.digests.n);
    strings_free(&enough.digests);
    strings_free(&bad.digests);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_all_that_some_repository_has),
        STORE_TEST(test_visit_ends_it),
    };

    return RUN(tests);
}
