/* SPDX-License-Identifier: Apache-2.0
 * store/tag.c */
#include "unit/unit.h"

#include "store/tag.h"
#include "store/trash.h"

#include <time.h>

#define TAGS "repositories/a/_manifests/tags"
#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void set(const struct store *store, const char *text, const struct digest *digest)
{
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag(text);
    AUTO_DIRTY dirty = {0};

    assert_returns(0, tag_add_index(store, &name, &tag, digest, &dirty, &failure));
    assert_returns(0, tag_set(store, &name, &tag, digest, &dirty, &failure));
}

static void test_set_move_and_get(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest first = unit_digest_of("1"), second = unit_digest(DIGEST_SHA512, "2");
    struct digest digest;

    assert_returns(0, tag_get(store, &name, &tag, &digest, &failure));
    set(store, "v1", &first);
    assert_returns(1, tag_get(store, &name, &tag, &digest, &failure));
    assert_string_equal(first.s, digest.s);
    assert_content(first.s, store->path, TAGS "/v1/current/link");
    set(store, "v1", &second);
    assert_returns(1, tag_get(store, &name, &tag, &digest, &failure));
    assert_string_equal(second.s, digest.s);
    assert_int_equal(DIGEST_SHA512, digest.algorithm);
    /* The index keeps all that the tag ever pointed at. */
    assert_int_equal(1, unit_count(store->path, TAGS "/v1/index/sha256"));
    assert_int_equal(1, unit_count(store->path, TAGS "/v1/index/sha512"));
}

static void test_when_it_was_set(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("1");
    int64_t first, again;

    assert_returns(0, tag_time(store, &name, &tag, &first, &failure));
    set(store, "v1", &digest);
    unit_age(store->path, TAGS "/v1/current/link", 5000);
    assert_returns(1, tag_time(store, &name, &tag, &first, &failure));
    assert_in_range(time(NULL) - first / 1000000000, 4990, 5010);
    set(store, "v1", &digest); /* to the same */
    assert_returns(1, tag_time(store, &name, &tag, &again, &failure));
    assert_true(again > first + 4000 * (int64_t)1000000000);
}

static void test_adding_to_the_index_sets_nothing(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("1");
    struct digest current;
    AUTO_STRINGS tags = {0};
    AUTO_DIRTY dirty = {0};

    assert_returns(0, tag_add_index(store, &name, &tag, &digest, &dirty, &failure));
    assert_returns(0, tag_get(store, &name, &tag, &current, &failure));
    assert_returns(1, tag_list(store, &name, &tags, &failure));
    assert_int_equal(0, tags.n);
}

static void test_damaged_links(void **state)
{
    static const char *const links[] = {
        "", "sha256:", "not a digest", "sha256:../../../secret", DIGEST "\n", DIGEST DIGEST,
    };
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    struct digest digest;

    for (size_t i = 0; i < LENGTH_OF(links); i++) {
        unit_put(store->path, TAGS "/v1/current/link", links[i]);
        assert_fails(IO, tag_get(store, &name, &tag, &digest, &failure));
    }
}

/* Takes it away and apart. Where it was is to be synced. */
static int take(const struct store *store, const struct tag *tag)
{
    const struct name name = unit_name("a");
    AUTO_STRINGS trash = {0};
    AUTO_DIRTY dirty = {0};

    int taken = tag_take(store, &name, tag, &trash, &dirty, &failure);
    assert_int_equal(taken > 0 ? 1 : 0, dirty.n);
    assert_int_equal(taken > 0 ? 1 : 0, trash.n);
    if (taken > 0)
        assert_string_equal(TAGS, dirty.path[0]);
    assert_returns(0, trash_empty(store, &trash, &failure));
    return taken;
}

static void test_taking_away_takes_the_tag_alone(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("1");
    struct digest current;

    set(store, "v1", &digest);
    set(store, "v2", &digest);
    assert_int_equal(1, take(store, &tag));
    assert_false(unit_exists(store->path, TAGS "/v1"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_returns(0, tag_get(store, &name, &tag, &current, &failure));
    assert_content(digest.s, store->path, TAGS "/v2/current/link");
    assert_int_equal(0, take(store, &tag));
    unit_put(store->path, TAGS "/v1/current/link", "damaged");
    assert_int_equal(1, take(store, &tag));
    assert_false(unit_exists(store->path, TAGS "/v1"));
}

static void test_list_is_in_byte_order_without_what_is_no_tag(void **state)
{
    static const char *const listed[] = {"B", "_x", "a", "a-b", "a.b", "latest"};
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = unit_digest_of("1");
    AUTO_STRINGS tags = {0};

    assert_returns(0, tag_list(store, &name, &tags, &failure));
    for (size_t i = LENGTH_OF(listed); i > 0; i--)
        set(store, listed[i - 1], &digest);
    unit_put(store->path, TAGS "/.hidden/current/link", digest.s);
    unit_put(store->path, TAGS "/-bad/current/link", digest.s);
    unit_put(store->path, TAGS "/b ad/current/link", digest.s);
    unit_put(store->path, TAGS "/a-file", "x");
    unit_put(store->path, TAGS "/half/index/sha256/x/link", digest.s); /* never finished */
    unit_put(store->path, TAGS "/zdir/current/link/x", "");
    unit_symlink("a", store->path, TAGS "/c-alias");
    assert_returns(1, tag_list(store, &name, &tags, &failure));
    assert_int_equal(LENGTH_OF(listed), tags.n);
    for (size_t i = 0; i < LENGTH_OF(listed); i++)
        assert_string_equal(listed[i], tags.v[i]);
    assert_returns(0, tag_list(store, &other, &tags, &failure));
}

/* How many files were looked at. */
static size_t n_looks;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    n_looks++;
    return __real_fstat(fd, st);
}

static void assert_page(const struct store *store, const char *after, size_t n,
                        const char *expected, bool expected_more)
{
    const struct name name = unit_name("a");
    AUTO_STRINGS page = {0};
    AUTO_BUF text = BUF_INIT;
    bool more = !expected_more;

    n_looks = 0;
    assert_returns(1, tag_page(store, &name, after, n, &page, &more, &failure));
    buf_addstr(&text, "");
    for (size_t i = 0; i < page.n; i++)
        buf_addf(&text, "%s ", page.v[i]);
    assert_string_equal(expected, text.s);
    assert_int_equal(expected_more, more);
}

static void test_a_page_looks_at_no_more_than_it_holds(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("1");
    char path[64];

    for (int i = 999; i >= 0; i--) {
        snprintf(path, sizeof path, TAGS "/v%03d/current/link", i);
        unit_put(store->path, path, digest.s);
    }
    assert_page(store, NULL, 2, "v000 v001 ", true);
    assert_true(n_looks <= 5);
    assert_page(store, "v500", 3, "v501 v502 v503 ", true);
    assert_true(n_looks <= 6);
    assert_page(store, "v998", 3, "v999 ", false);
    assert_page(store, "v999", 3, "", false);
    assert_page(store, NULL, 0, "", true);
    n_looks = 0;
    AUTO_NAMES names = {0};
    const struct name name = unit_name("a");
    assert_returns(1, tag_names(store, &name, &names, &failure));
    assert_true(n_looks >= 1000); /* it is counted what is looked at */
}

/* What Distribution's crashes left does not hide what is behind it, nor is it a page of its own. */
static void test_a_page_passes_over_what_is_no_tag(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("1");
    char path[64];

    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, TAGS "/half%03d/index/sha256/x/link", i);
        unit_put(store->path, path, digest.s);
    }
    assert_page(store, NULL, 2, "", false);
    set(store, "a", &digest);
    set(store, "v", &digest);
    set(store, "w", &digest);
    assert_page(store, NULL, 1, "a ", true);
    assert_page(store, NULL, 2, "a v ", true);
    assert_page(store, NULL, 3, "a v w ", false);
    assert_page(store, "a", 2, "v w ", false);
    assert_true(n_looks < 400); /* none of them many times */
}

static void test_a_failing_disk_is_no_empty_list(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest digest = unit_digest_of("1");
    struct digest current;
    AUTO_STRINGS tags = {0};
    bool more;

    set(store, "v1", &digest);
    unit_break(store->path, TAGS);
    assert_fails(IO, tag_list(store, &name, &tags, &failure));
    assert_fails(IO, tag_page(store, &name, NULL, 1, &tags, &more, &failure));
    assert_fails(IO, tag_get(store, &name, &tag, &current, &failure));
    assert_int_equal(-1, take(store, &tag));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_set_move_and_get),
        STORE_TEST(test_adding_to_the_index_sets_nothing),
        STORE_TEST(test_damaged_links),
        STORE_TEST(test_taking_away_takes_the_tag_alone),
        STORE_TEST(test_list_is_in_byte_order_without_what_is_no_tag),
        STORE_TEST(test_a_page_looks_at_no_more_than_it_holds),
        STORE_TEST(test_a_page_passes_over_what_is_no_tag),
        STORE_TEST(test_a_failing_disk_is_no_empty_list),
        STORE_TEST(test_when_it_was_set),
    };

    return RUN(tests);
}
