/* SPDX-License-Identifier: Apache-2.0
 * registry/list.c: pages of tags and repositories. */
#include "unit/registry/content.h"

#include "registry/list.h"
#include "store/layout.h"

#include <stdio.h>

/* The names of a page, with "+" behind them if there are more. */
static void assert_names(const struct strings *names, bool more, const char *expected)
{
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, "");
    for (size_t i = 0; i < names->n; i++)
        buf_addf(&text, "%s%s", i ? " " : "", names->v[i]);
    if (more)
        buf_addstr(&text, " +");
    assert_string_equal(expected, text.s);
}

static void assert_tags(const struct store *store, const char *last, int64_t n,
                        const char *expected)
{
    const struct name name = unit_name("a");
    AUTO_STRINGS tags = {0};
    bool more = !strchr(expected, '+'); /* it must be set either way */

    assert_returns(
        0, list_tags(unit_registry(store), &name, (struct page){last, n}, &tags, &more, &failure));
    assert_names(&tags, more, expected);
}

static void test_pages_of_tags(void **state)
{
    const struct store *store = *state;
    static const char *const tags[] = {"b", "a-b", "a", "c.1", "B"};

    for (size_t i = 0; i < LENGTH_OF(tags); i++)
        have_image(store, "a", tags[i], "mark");
    assert_tags(store, NULL, INT64_MAX, "B a a-b b c.1");
    assert_tags(store, NULL, 5, "B a a-b b c.1");
    assert_tags(store, NULL, 4, "B a a-b b +");
    assert_tags(store, NULL, 1, "B +");
    assert_tags(store, NULL, 0, " +");
    assert_tags(store, "a", 2, "a-b b +");
    assert_tags(store, "a", 3, "a-b b c.1");
    assert_tags(store, "aa", 10, "b c.1"); /* last need not be there */
    assert_tags(store, "c.1", 10, "");
    assert_tags(store, "zzz", 0, "");
    assert_tags(store, "", 1, "B +");
}

static void test_all_tags(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), none = unit_name("none"), empty = unit_name("blobs");
    AUTO_NAMES tags = {0};

    have_image(store, "a", "b", "mark");
    have_image(store, "a", "B", "mark");
    have_blob(store, "blobs", "content");
    assert_fails(NAME_UNKNOWN, list_all_tags(unit_registry(store), &none, &tags, &failure));
    assert_returns(0, list_all_tags(unit_registry(store), &empty, &tags, &failure));
    assert_int_equal(0, tags.n);
    assert_returns(0, list_all_tags(unit_registry(store), &name, &tags, &failure));
    assert_int_equal(2, tags.n);
    assert_string_equal("B", names_get(&tags, 0));
    assert_string_equal("b", names_get(&tags, 1));
}

static void test_tags_of_a_digest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = have_image(store, "a", "v2", "mark"), none = unit_digest_of("x");
    AUTO_STRINGS tags = {0};

    have_image(store, "a", "v1", "mark");
    have_image(store, "a", "v3", "another");
    unit_put(store->path, "repositories/a/_manifests/tags/damaged/current/link", "x");
    assert_returns(0, list_tags_of(unit_registry(store), &name, &none, &tags, &failure));
    assert_returns(0, list_tags_of(unit_registry(store), &other, &digest, &tags, &failure));
    assert_names(&tags, false, "");
    assert_returns(0, list_tags_of(unit_registry(store), &name, &digest, &tags, &failure));
    assert_names(&tags, false, "v1 v2");
}

static void test_tags_of_no_repository(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("none"), blobs_only = unit_name("blobs");
    AUTO_STRINGS tags = {0};
    bool more;

    assert_fails(NAME_UNKNOWN, list_tags(unit_registry(store), &name, (struct page){NULL, 10},
                                         &tags, &more, &failure));
    have_blob(store, "blobs", "content");
    assert_returns(0, list_tags(unit_registry(store), &blobs_only, (struct page){NULL, 10}, &tags,
                                &more, &failure));
    assert_int_equal(0, tags.n);
    assert_false(more);
}

static void assert_repositories(const struct store *store, const char *last, int64_t n,
                                const char *expected)
{
    AUTO_STRINGS names = {0};
    bool more = !strchr(expected, '+');

    assert_returns(0, list_repositories(unit_registry(store), (struct page){last, n}, &names, &more,
                                        &failure));
    assert_names(&names, more, expected);
}

static void test_pages_of_repositories(void **state)
{
    const struct store *store = *state;
    static const char *const names[] = {"z", "a-b", "a/b", "a"};

    assert_repositories(store, NULL, 10, "");
    for (size_t i = 0; i < LENGTH_OF(names); i++)
        have_image(store, names[i], "v1", "mark");
    have_blob(store, "blobs-only", "content"); /* holds no manifest: is not listed */
    assert_repositories(store, NULL, 10, "a a/b a-b z");
    assert_repositories(store, NULL, 4, "a a/b a-b z");
    assert_repositories(store, NULL, 3, "a a/b a-b +");
    assert_repositories(store, NULL, 0, " +");
    assert_repositories(store, "a", 1, "a/b +");
    assert_repositories(store, "a/b", 2, "a-b z");
    assert_repositories(store, "z", 2, "");
}

static void test_what_holds_nothing_any_more_is_not_listed(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct name name = unit_name("a");
    struct layout_path path;

    have_image(store, "b", "v1", "mark");
    unit_delete(store->path, layout_revision(&path, &name, &digest));
    assert_repositories(store, NULL, 1, "b"); /* and no page to come because of it */
}

static void test_a_failing_disk_is_no_empty_list(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct page page = {NULL, 10};
    AUTO_STRINGS names = {0};
    bool more;

    unit_break(store->path, "repositories/a/_manifests/tags");
    assert_fails(IO, list_tags(unit_registry(store), &name, page, &names, &more, &failure));
    assert_fails(IO, list_tags_of(unit_registry(store), &name, &digest, &names, &failure));
    unit_break(store->path, "repositories/a/_manifests/revisions/sha256");
    assert_fails(IO, list_repositories(unit_registry(store), page, &names, &more, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_pages_of_tags),
        STORE_TEST(test_all_tags),
        STORE_TEST(test_tags_of_a_digest),
        STORE_TEST(test_tags_of_no_repository),
        STORE_TEST(test_pages_of_repositories),
        STORE_TEST(test_what_holds_nothing_any_more_is_not_listed),
        STORE_TEST(test_a_failing_disk_is_no_empty_list),
    };

    return RUN(tests);
}
