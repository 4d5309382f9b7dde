/* SPDX-License-Identifier: Apache-2.0
 * store/referrer.c */
#include "unit/unit.h"

#include "store/layout.h"
#include "store/referrer.h"

#include <stdio.h>

static void add(const struct store *store, const char *repository, const struct digest *subject,
                const struct digest *referrer, const char *text)
{
    const struct name name = unit_name(repository);
    AUTO_BUF descriptor = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    buf_addstr(&descriptor, text);
    assert_returns(0, referrer_add(store, &name, subject, referrer, &descriptor, &dirty, &failure));
}

static bool holds(const struct strings *names, const char *text)
{
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->v[i], text))
            return true;
    return false;
}

/* All of them. */
static int list(const struct store *store, const struct name *name, const struct digest *subject,
                struct strings *digests)
{
    bool more = true;

    int listed = referrer_page(store, name, subject, NULL, 1000, digests, &more, &failure);
    assert_true(listed < 0 || !more);
    return listed;
}

static void test_add_list_read_remove(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest subject = unit_digest_of("subject"), other_subject = unit_digest_of("x");
    const struct digest first = unit_digest_of("1"), second = unit_digest(DIGEST_SHA512, "2");
    AUTO_STRINGS digests = {0};
    AUTO_BUF text = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    assert_returns(0, list(store, &name, &subject, &digests));
    assert_int_equal(0, digests.n);
    add(store, "a", &subject, &first, "{\"first\":1}");
    add(store, "a", &subject, &second, "{}");
    add(store, "a", &subject, &first, "{\"first\":2}"); /* again: replaces it */
    assert_returns(0, list(store, &name, &subject, &digests));
    assert_int_equal(2, digests.n);
    assert_true(holds(&digests, first.s) && holds(&digests, second.s));
    assert_returns(1, referrer_read(store, &name, &subject, &first, &text, &failure));
    assert_string_equal("{\"first\":2}", text.s);

    strings_free(&digests);
    assert_returns(0, list(store, &name, &other_subject, &digests));
    assert_returns(0, list(store, &other, &subject, &digests));
    assert_int_equal(0, digests.n);

    assert_returns(1, referrer_remove(store, &name, &subject, &first, &dirty, &failure));
    assert_returns(0, referrer_remove(store, &name, &subject, &first, &dirty, &failure));
    assert_returns(0, referrer_read(store, &name, &subject, &first, &text, &failure));
    assert_returns(0, list(store, &name, &subject, &digests));
    assert_int_equal(1, digests.n);
    assert_string_equal(second.s, digests.v[0]);
}

static void test_foreign_entries_are_passed_over(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject"), referrer = unit_digest_of("1");
    struct layout_path path, entry;
    AUTO_STRINGS digests = {0};

    add(store, "a", &subject, &referrer, "{}");
    layout_referrers(&path, &name, &subject, DIGEST_SHA256);
    static const char *const names[] = {"README", ".swp", "abc", "link"};
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        entry = path;
        size_t len = strlen(entry.s);
        entry.s[len] = '/';
        memcpy(entry.s + len + 1, names[i], strlen(names[i]) + 1);
        unit_put(store->path, entry.s, "{}");
    }
    assert_returns(0, list(store, &name, &subject, &digests));
    assert_int_equal(1, digests.n);
    assert_string_equal(referrer.s, digests.v[0]);
}

static void assert_page(const struct store *store, const char *after, size_t n, size_t expected,
                        const char *first, bool expected_more)
{
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    AUTO_STRINGS digests = {0};
    bool more = !expected_more;

    assert_returns(0, referrer_page(store, &name, &subject, after, n, &digests, &more, &failure));
    assert_int_equal(expected, digests.n);
    if (n)
        assert_string_equal(first, digests.v[0]);
    assert_int_equal(expected_more, more);
}

/* Through both algorithms, and past what is no digest. */
static void test_pages(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    AUTO_STRINGS all = {0};
    struct layout_path path;
    char text[16], foreign[sizeof path + 8];

    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "%d", i);
        const struct digest digest =
            i < 6 ? unit_digest_of(text) : unit_digest(DIGEST_SHA512, text);
        add(store, "a", &subject, &digest, "{}");
    }
    for (int i = 0; i < 10; i++) {
        snprintf(foreign, sizeof foreign, "%s/%dx",
                 layout_referrers(&path, &name, &subject, DIGEST_SHA256), i);
        unit_put(store->path, foreign, "{}");
    }
    assert_returns(0, list(store, &name, &subject, &all));
    assert_int_equal(10, all.n);
    for (size_t i = 1; i < all.n; i++)
        assert_true(strcmp(all.v[i - 1], all.v[i]) < 0);
    for (size_t n = 1; n <= all.n; n++)
        for (size_t from = 0; from + n <= all.n; from++)
            assert_page(store, from ? all.v[from - 1] : NULL, n, n, all.v[from], from + n < all.n);
    assert_page(store, NULL, 0, 0, NULL, true);
    assert_page(store, all.v[5], 0, 0, NULL, true);
    assert_page(store, all.v[9], 0, 0, NULL, false);
    assert_page(store, "", 1, 1, all.v[0], true);
    assert_page(store, "sha256", 1, 1, all.v[0], true);
    assert_page(store, "sha256:", 1, 1, all.v[0], true);
    assert_page(store, "sha256:z", 1, 1, all.v[6], true);
    assert_page(store, "sha256;", 1, 1, all.v[6], true);
    assert_page(store, "z", 0, 0, NULL, false);
}

static void test_a_failing_disk_is_no_empty_list(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject"), referrer = unit_digest_of("1");
    AUTO_STRINGS digests = {0};

    add(store, "a", &subject, &referrer, "{}");
    unit_break(store->path, "repositories/a/_referrers");
    assert_fails(IO, list(store, &name, &subject, &digests));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_add_list_read_remove),
        STORE_TEST(test_foreign_entries_are_passed_over),
        STORE_TEST(test_pages),
        STORE_TEST(test_a_failing_disk_is_no_empty_list),
    };

    return RUN(tests);
}
