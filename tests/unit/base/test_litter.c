/* SPDX-License-Identifier: Apache-2.0
 * base/litter.c, and that no walk through a store minds litter. */
#include "unit/registry/content.h"

#include "base/litter.h"
#include "registry/usage.h"
#include "store/blob.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdio.h>

static void test_3_what_is_litter(void **state)
{
    static const char *const litter[] = {"lost+found", "@eaDir",      "#recycle",
                                         ".snapshot",  ".Trash-1000", ".nfs000000000123"};
    static const char *const files[] = {"aquota.user", "aquota.group", "link.0123.tmp"};
    static const char *const names[] = {"a",      "aquota", "lost-found", "tmp",
                                        ".Trash", "data",   "snapshot",   "nfs"};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(litter); i++)
        assert_true(litter_is(litter[i], true) && litter_is(litter[i], false));
    for (size_t i = 0; i < LENGTH_OF(files); i++)
        assert_true(!litter_is(files[i], true) && litter_is(files[i], false));
    for (size_t i = 0; i < LENGTH_OF(names); i++)
        assert_true(!litter_is(names[i], true) && !litter_is(names[i], false));
}

static int count(void *context, const struct name *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(int *)context;
    return 0;
}

static int is_odd(void *context, const char *path, struct err *err)
{
    (void)context;
    return err_set(err, ERR_IO, "%s", path);
}

/* Issue 10, item 3: a mount point, a NAS or a desktop brings them anywhere. */
static void test_3_walks_pass_over_it(void **state)
{
    static const char *const dirs[] = {"",
                                       "repositories",
                                       "repositories/a",
                                       "repositories/a/_manifests/tags",
                                       "repositories/a/_layers/sha256",
                                       "blobs",
                                       "blobs/sha256",
                                       "blobs/sha256/aa"};
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};
    AUTO_STRINGS tags = {0};
    int n = 0;

    assert_returns(0, repo_create(store, &name, &dirty, &failure));
    for (size_t i = 0; i < LENGTH_OF(dirs); i++) {
        char path[200];
        snprintf(path, sizeof path, "%s%slost+found/x", dirs[i], *dirs[i] ? "/" : "");
        unit_put(store->path, path, "x");
        snprintf(path, sizeof path, "%s%s@eaDir/x/y", dirs[i], *dirs[i] ? "/" : "");
        unit_put(store->path, path, "x");
        snprintf(path, sizeof path, "%s%saquota.user", dirs[i], *dirs[i] ? "/" : "");
        unit_put(store->path, path, "x");
    }
    assert_returns(0, repo_walk_all(store, count, is_odd, &n, &failure));
    assert_int_equal(1, n);
    assert_returns(1, tag_list(store, &name, &tags, &failure));
    assert_int_equal(0, tags.n);
    struct usage usage;
    assert_returns(0, usage_measure(unit_registry(store), true, NULL, &usage, &failure));
    assert_int_equal(1, usage.n);
    assert_int_equal(0, usage.blobs.n);
    usage_free(&usage);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_3_what_is_litter),
        STORE_TEST(test_3_walks_pass_over_it),
    };

    return RUN(tests);
}
