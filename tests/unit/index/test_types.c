/* SPDX-License-Identifier: Apache-2.0
 * index/types.c */
#include "unit/unit.h"

#include "index/types.h"

#include <string.h>

static void note(const struct store *store, const char *subject, const char *referrer,
                 const char *descriptor)
{
    const struct digest of = unit_digest_of(subject), by = unit_digest_of(referrer);
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, descriptor);
    assert_returns(0, types_note(store, &of, &by, &text, &failure));
}

/* Whether the referrer is noted to be of another type than a/b. */
static bool differs(const struct store *store, const char *subject, const char *referrer)
{
    const struct digest of = unit_digest_of(subject), by = unit_digest_of(referrer);
    AUTO_TYPES types = {0};

    types_load(store, &of, "a/b", &types);
    return types_differ(&types, &by);
}

static const char *file_of(const char *subject)
{
    static char path[64];
    const struct digest digest = unit_digest_of(subject);

    snprintf(path, sizeof path, "_berth/types/%.3s", digest_hex(&digest));
    return path;
}

static void test_what_is_noted(void **state)
{
    const struct store *store = *state;

    assert_false(differs(store, "s", "none"));
    note(store, "s", "same", "{\"artifactType\":\"a/b\"}");
    note(store, "s", "other", "{\"artifactType\":\"a/b2\"}");
    note(store, "s", "shorter", "{\"artifactType\":\"a/\"}");
    note(store, "s", "typeless", "{}");
    note(store, "t", "others", "{\"artifactType\":\"c\"}");
    assert_false(differs(store, "s", "same"));
    assert_true(differs(store, "s", "other"));
    assert_true(differs(store, "s", "shorter"));
    assert_true(differs(store, "s", "typeless"));
    assert_false(differs(store, "s", "others")); /* which is another subject's */
    assert_false(differs(store, "s", "none"));
    assert_returns(0, types_forget(store, &failure));
    assert_false(differs(store, "s", "other"));
}

/* What is no descriptor, or would not be one line, is not noted. */
static void test_what_cannot_be_noted(void **state)
{
    const struct store *store = *state;

    note(store, "s", "damaged", "{");
    note(store, "s", "lines", "{\"artifactType\":\"x\\ny\"}");
    assert_false(differs(store, "s", "damaged"));
    assert_false(differs(store, "s", "lines"));
}

/* A line that was torn, or changed, counts for nothing, and spoils no other. */
static void test_damage(void **state)
{
    const struct store *store = *state;
    AUTO_BUF text = BUF_INIT;

    note(store, "s", "one", "{\"artifactType\":\"x/y\"}");
    assert_returns(1, fs_read(&store->fs, file_of("s"), 4096, &text, &failure));
    for (size_t i = 1; i < text.len - 1; i++) {
        AUTO_BUF changed = BUF_INIT;
        buf_add(&changed, text.s, text.len);
        changed.s[i] ^= 1;
        unit_put(store->path, file_of("s"), changed.s);
        assert_false(differs(store, "s", "one"));
        unit_put(store->path, file_of("s"), "");
        buf_clear(&changed);
        buf_add(&changed, text.s, i);
        unit_put(store->path, file_of("s"), changed.s);
        note(store, "s", "two", "{\"artifactType\":\"x/y\"}");
        assert_false(differs(store, "s", "one"));
        assert_true(differs(store, "s", "two"));
    }
    unit_put(store->path, file_of("s"), text.s);
    assert_true(differs(store, "s", "one"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_is_noted),
        STORE_TEST(test_what_cannot_be_noted),
        STORE_TEST(test_damage),
    };

    return RUN(tests);
}
