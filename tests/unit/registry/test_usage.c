/* SPDX-License-Identifier: Apache-2.0
 * registry/usage.c */
#include "unit/registry/content.h"

#include "registry/usage.h"
#include "store/layout.h"

static const struct usage_repository *of(const struct usage *usage, const char *name)
{
    for (size_t i = 0; i < usage->n; i++)
        if (!strcmp(usage->repositories[i].name, name))
            return &usage->repositories[i];
    fail_msg("%s is not there", name);
    return NULL;
}

static void assert_sum(int64_t n, int64_t bytes, struct amount sum)
{
    assert_int_equal(n, sum.n);
    assert_int_equal(bytes, sum.bytes);
}

static void test_own_and_shared(void **state)
{
    const struct store *store = *state;
    struct usage usage;

    for (int i = 0; i < 3; i++) {
        const char *const names[] = {"a", "a/b", "c"};
        have_blob(store, names[i], "common");
        have_blob(store, names[i], &"-12345"[i]); /* 6, 5 and 4 bytes */
    }
    assert_returns(0, usage_measure(unit_registry(store), true, NULL, &usage, &failure));
    assert_int_equal(3, usage.n);
    assert_string_equal("a", usage.repositories[0].name);
    assert_sum(1, 6, of(&usage, "a")->own);
    assert_sum(1, 5, of(&usage, "a/b")->own);
    assert_sum(1, 4, of(&usage, "c")->own);
    for (size_t i = 0; i < usage.n; i++)
        assert_sum(1, 6, usage.repositories[i].shared);
    assert_sum(4, 21, usage.blobs);
    assert_sum(4, 21, usage.referenced);
    assert_sum(0, 0, usage.unreferenced);
    usage_free(&usage);
    assert_null(usage.repositories);
}

static void test_what_came_later_does_not_count(void **state)
{
    const struct store *store = *state;
    const struct digest old = unit_digest_of("old"), young = unit_digest_of("young");
    struct layout_path path;
    struct usage usage;

    unit_put(store->path, layout_blob(&path, &old), "old");
    unit_put(store->path, layout_blob(&path, &young), "young");
    unit_age(store->path, path.s, -100); /* its link may have come too, behind the walk */
    assert_returns(0, usage_measure(unit_registry(store), true, NULL, &usage, &failure));
    assert_sum(1, 3, usage.blobs);
    assert_sum(1, 3, usage.unreferenced);
    usage_free(&usage);
}

static void test_foreign_files(void **state)
{
    const struct store *store = *state;
    struct usage usage;

    have_image(store, "a", "v1", "mark");
    unit_put(store->path, "repositories/a/_layers/sha256/stray", "x");
    unit_put(store->path, "repositories/a/_layers/md5/stray", "x");
    unit_put(store->path, "repositories/a/_uploads/stray", "x");
    unit_put(store->path, "repositories/a/Stray/_layers/x", "x");
    unit_put(store->path, "blobs/sha256/stray", "x");
    unit_put(store->path, "blobs/sha256/aa/stray/data", "x");
    unit_put(store->path, "_berth/quarantine/a/b/c", "xyz");
    assert_returns(0, usage_measure(unit_registry(store), true, NULL, &usage, &failure));
    assert_int_equal(1, usage.n);
    assert_int_equal(2, usage.blobs.n);
    assert_int_equal(1, usage.repositories[0].manifests);
    assert_sum(0, 0, usage.uploads);
    assert_sum(1, 3, usage.quarantine);
    usage_free(&usage);
}

static void note(void *context, const char *what, int64_t done, int64_t total)
{
    int *calls = context;

    assert_non_null(what);
    assert_true(done >= 0 && total == -1);
    (*calls)++;
}

static void test_progress_and_errors(void **state)
{
    const struct store *store = *state;
    int calls = 0;
    const struct progress progress = {note, &calls};
    struct usage usage;

    have_image(store, "a", "v1", "mark");
    assert_returns(0, usage_measure(unit_registry(store), true, &progress, &usage, &failure));
    assert_int_equal(4, calls); /* two links, two blobs */
    usage_free(&usage);
    unit_allow_opening(false);
    int result = usage_measure(unit_registry(store), true, NULL, &usage, &failure);
    unit_allow_opening(true);
    assert_int_equal(-1, result);
    assert_int_equal(ERR_IO, failure.code);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_own_and_shared),
        STORE_TEST(test_what_came_later_does_not_count),
        STORE_TEST(test_foreign_files),
        STORE_TEST(test_progress_and_errors),
    };

    return RUN(tests);
}
