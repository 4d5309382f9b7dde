/* SPDX-License-Identifier: Apache-2.0
 * Pages of store/tag.c, store/repo.c and store/referrer.c: what another host did is seen. */
#include "unit/unit.h"

#include "base/dir_page.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

/* How many walks there were, and how many of them whose names may be kept in memory. */
static int n_walks, n_kept;

int __real_dir_page_walk(const struct fs_root *root, const char *path, const char *after, size_t n,
                         bool may_keep, dir_page_visit_fn *visit, void *context, struct err *err);
int __wrap_dir_page_walk(const struct fs_root *root, const char *path, const char *after, size_t n,
                         bool may_keep, dir_page_visit_fn *visit, void *context, struct err *err);
int __wrap_dir_page_walk(const struct fs_root *root, const char *path, const char *after, size_t n,
                         bool may_keep, dir_page_visit_fn *visit, void *context, struct err *err)
{
    n_walks++;
    n_kept += may_keep;
    return __real_dir_page_walk(root, path, after, n, may_keep, visit, context, err);
}

static int pass(void *context, const struct name *name, struct err *err)
{
    (void)context;
    (void)name;
    (void)err;
    return 0;
}

static void test_a_shared_store_is_read_anew(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    AUTO_STRINGS page = {0};
    bool more;

    unit_put(store->path, "repositories/a/_manifests/tags/v1/current/link", subject.s);
    for (int shared = 0; shared < 2; shared++) {
        store->shared = shared;
        n_walks = n_kept = 0;
        assert_returns(1, tag_page(store, &name, "a", 1, &page, &more, &failure));
        assert_int_equal(1, n_walks);
        assert_returns(0, referrer_page(store, &name, &subject, "a", 1, &page, &more, &failure));
        assert_int_equal(1 + DIGEST_ALGORITHMS, n_walks);
        assert_returns(0, repo_walk_page(store, "0", 1, pass, NULL, &failure));
        assert_true(n_walks > 1 + DIGEST_ALGORITHMS);
        assert_int_equal(shared ? 0 : n_walks, n_kept);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_shared_store_is_read_anew),
    };

    return RUN(tests);
}
