/* SPDX-License-Identifier: Apache-2.0
 * store/holder.c: who has a blob is found by what was noted, and believed only after a look. */
#include "unit/registry/content.h"

#include "store/holder.h"
#include "store/layout.h"
#include "store/repo.h"

#include <stdio.h>
#include <stdlib.h>

static bool not_b(void *context, const struct name *name)
{
    ++*(int *)context;
    return strcmp(name->s, "b") != 0;
}

static const char *find(const struct store *store, const struct digest *digest)
{
    static struct name holder;
    int asked = 0;

    return holder_find(store, digest, not_b, &asked, &holder, &failure) > 0 ? holder.s : "";
}

/* Issue 10, item 24: without a walk, and never trusted without a look at the link. */
static void test_24_who_has_a_blob(void **state)
{
    const struct store *store = *state;
    const struct name a = unit_name("a"), b = unit_name("b");
    struct name holder;
    AUTO_DIRTY dirty = {0};
    const struct digest digest = have_blob(store, "b", "content"), other = unit_digest_of("other");

    assert_string_equal("", find(store, &digest)); /* b may not be the answer */
    assert_returns(1, holder_find(store, &digest, NULL, NULL, &holder, &failure));
    assert_string_equal("b", holder.s);
    have_blob(store, "a", "content");
    assert_string_equal("a", find(store, &digest));
    assert_string_equal("", find(store, &other));
    assert_returns(1, repo_unlink_layer(store, &a, &digest, &dirty, &failure));
    assert_string_equal("", find(store, &digest));
    assert_returns(0, repo_link_layer(store, &a, &digest, &dirty, &failure));
    assert_string_equal("a", find(store, &digest));
    assert_returns(1, repo_unlink_layer(store, &b, &digest, &dirty, &failure));
    assert_returns(1, holder_find(store, &digest, NULL, NULL, &holder, &failure));
    assert_string_equal("a", holder.s);
}

static void test_24_a_line_stands_once_and_a_torn_one_is_none(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a/b");
    const struct digest digest = unit_digest_of("content");
    struct layout_path path;
    char line[100], expected[300];

    snprintf(line, sizeof line, "%.32s a/b\n", digest_hex(&digest));
    layout_holders(&path, digest_hex(&digest));
    for (int i = 0; i < 3; i++)
        assert_returns(0, holder_note(store, &name, &digest, &failure));
    assert_content(line, store->path, path.s);
    snprintf(expected, sizeof expected, "x%s%.40s", line, line); /* neither is that line */
    unit_put(store->path, path.s, expected);
    assert_returns(0, holder_note(store, &name, &digest, &failure));
    char *text = unit_get(store->path, path.s);
    assert_non_null(strstr(text + 1 + strlen(line), line));
    free(text);
    struct name other = unit_name("b");
    assert_returns(0, holder_note(store, &other, &digest, &failure));
    text = unit_get(store->path, path.s);
    assert_string_equal(" b\n", text + strlen(text) - 3);
    free(text);
}

static bool keep_none(void *context, const struct digest_key *key)
{
    const struct digest_key *kept = context;

    return kept && !memcmp(key, kept, sizeof *key);
}

static void test_24_pruned(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = unit_digest_of("content");
    struct digest_key key;
    struct layout_path path;
    char shard[4];

    digest_key_of(&key, &digest);
    snprintf(shard, sizeof shard, "%.3s", digest_hex(&digest));
    int n = (int)strtol(shard, NULL, 16);
    assert_returns(0, holder_prune(store, n, keep_none, NULL, &failure)); /* there is none */
    assert_returns(0, holder_note(store, &name, &digest, &failure));
    layout_holders(&path, digest_hex(&digest));
    char *before = unit_get(store->path, path.s);
    assert_returns(0, holder_prune(store, n, keep_none, &key, &failure));
    assert_content(before, store->path, path.s);
    free(before);
    assert_returns(0, holder_prune(store, n ^ 1, keep_none, NULL, &failure));
    assert_returns(0, holder_prune(store, n, keep_none, NULL, &failure));
    assert_content("", store->path, path.s);
}

static void test_24_a_new_store_is_complete(void **state)
{
    const struct store *store = *state;

    assert_returns(1, holder_is_complete(store, &failure));
    unit_delete(store->path, "_berth/holders");
    assert_returns(0, holder_is_complete(store, &failure));
    assert_returns(0, holder_set_complete(store, &failure));
    assert_returns(1, holder_is_complete(store, &failure));
}

/* What is not noted costs a push, not an error. */
static void test_24_a_broken_index_breaks_nothing(void **state)
{
    const struct store *store = *state;
    const struct name a = unit_name("a");
    struct digest digest = unit_digest_of("content");
    struct name holder;

    unit_delete(store->path, "_berth/holders");
    unit_put(store->path, "_berth/holders", "");
    have_blob(store, "a", "content");
    assert_returns(1, repo_has_layer(store, &a, &digest, &failure));
    assert_returns(0, holder_find(store, &digest, NULL, NULL, &holder, &failure));
}

/* Where a blob is in very many repositories, until the collector begins it anew. */
static void test_24_too_much_to_read(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_blob(store, "a", "content");
    struct name holder;
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;

    assert_returns(1, holder_find(store, &digest, NULL, NULL, &holder, &failure));
    while (text.len <= (size_t)4 << 20)
        buf_addf(&text, "%.32s %zu\n", digest_hex(&digest), text.len);
    unit_put(store->path, layout_holders(&path, digest_hex(&digest)), text.s);
    assert_returns(0, holder_find(store, &digest, NULL, NULL, &holder, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_24_who_has_a_blob),
        STORE_TEST(test_24_a_line_stands_once_and_a_torn_one_is_none),
        STORE_TEST(test_24_pruned),
        STORE_TEST(test_24_a_new_store_is_complete),
        STORE_TEST(test_24_a_broken_index_breaks_nothing),
        STORE_TEST(test_24_too_much_to_read),
    };

    return RUN(tests);
}
