/* SPDX-License-Identifier: Apache-2.0
 * registry/list_referrers.c: from berth's index and from fallback tags. */
#include "unit/registry/content.h"

#include "base/json.h"
#include "index/types.h"
#include "registry/list.h"
#include "store/layout.h"
#include "store/referrer.h"
#include "store/repo.h"

#include <stdio.h>
#include <stdlib.h>

#define MANY 5

/* How many times pages of the index were read, and the largest that was asked for. */
static size_t n_reads, largest;

int __real_referrer_page(const struct store *store, const struct name *name,
                         const struct digest *subject, const char *after, size_t n,
                         struct strings *digests, bool *more, struct err *err);
int __wrap_referrer_page(const struct store *store, const struct name *name,
                         const struct digest *subject, const char *after, size_t n,
                         struct strings *digests, bool *more, struct err *err);
int __wrap_referrer_page(const struct store *store, const struct name *name,
                         const struct digest *subject, const char *after, size_t n,
                         struct strings *digests, bool *more, struct err *err)
{
    n_reads++;
    largest = n > largest ? n : largest;
    return __real_referrer_page(store, name, subject, after, n, digests, more, err);
}

struct listing {
    struct json *json; /* the list */
    struct digest last;
    bool more;
};

static struct listing list_page(const struct store *store, const struct digest *subject,
                                const char *artifact_type, struct page page)
{
    const struct name name = unit_name("a");
    struct listing listing = {.more = true}; /* it is set either way */
    AUTO_BUF text = BUF_INIT;

    struct json_writer json = json_writer_begin(&text);
    json_writer_array(&json, NULL);
    assert_returns(0, list_referrers(unit_registry(store), &name, subject, artifact_type, page,
                                     &json, &listing.last, &listing.more, &failure));
    json_writer_end(&json);
    listing.json = json_parse(text.s, text.len, 10, &failure);
    assert_non_null(listing.json);
    return listing;
}

static struct json *list_all(const struct store *store, const struct digest *subject,
                             const char *artifact_type)
{
    struct listing listing = list_page(store, subject, artifact_type, (struct page){NULL, 1000});

    assert_false(listing.more);
    return listing.json;
}

static const char *digest_at(const struct json *list, size_t i)
{
    return json_text(json_get(json_array_at(list, i), "digest"));
}

static void assert_count(const struct store *store, const struct digest *subject,
                         const char *artifact_type, size_t expected)
{
    struct json *list = list_all(store, subject, artifact_type);

    assert_int_equal(expected, json_array_len(list));
    json_free(list);
}

/* A referrer of the subject, told from others by a number. */
static struct digest have_referrer(const struct store *store, const struct digest *subject,
                                   const char *artifact_type, int number)
{
    return have_manifest(store, "a", NULL,
                         "{\"schemaVersion\":2,\"artifactType\":\"%s\","
                         "\"annotations\":{\"number\":\"%d\"},"
                         "\"subject\":{\"digest\":\"%s\",\"size\":1}}",
                         artifact_type, number, subject->s);
}

static void test_none(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("never pushed");

    assert_count(store, &subject, NULL, 0);
    assert_count(store, &subject, "type/x", 0);
}

/* An entry of which it is noted that it is of another type is passed over unread; what is noted to
 * be of the type is looked at. */
static void test_types_that_are_noted(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    const struct digest odd = have_referrer(store, &subject, "type/odd", 1);
    const struct digest even = have_referrer(store, &subject, "type/even", 2);
    struct layout_path entry;
    AUTO_BUF descriptor = BUF_INIT;

    assert_count(store, &subject, "type/even", 1);
    assert_count(store, &subject, NULL, 2);
    buf_addf(&descriptor,
             "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":178,\"artifactType\":\"type/even\"}",
             odd.s);
    unit_put(store->path, layout_referrer(&entry, &name, &subject, &odd), descriptor.s);
    assert_count(store, &subject, "type/even", 1);
    assert_returns(0, types_forget(store, &failure));
    assert_count(store, &subject, "type/even", 2);
    buf_clear(&descriptor);
    buf_addstr(&descriptor, "{\"artifactType\":\"type/none\"}");
    assert_returns(0, types_note(store, &subject, &even, &descriptor, &failure));
    assert_count(store, &subject, "type/none", 0);
}

static void test_descriptors_in_the_order_of_digests(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject"), other = unit_digest_of("other");
    struct digest referrers[MANY];

    for (int i = 0; i < MANY; i++)
        referrers[i] = have_referrer(store, &subject, i % 2 ? "type/odd" : "type/even", i);
    have_referrer(store, &other, "type/odd", 99);
    struct json *list = list_all(store, &subject, NULL);
    assert_int_equal(MANY, json_array_len(list));
    for (size_t i = 0; i < MANY; i++) {
        const struct json *descriptor = json_array_at(list, i);
        int64_t size;
        bool pushed = false;
        if (i > 0)
            assert_true(strcmp(digest_at(list, i - 1), digest_at(list, i)) < 0);
        for (size_t k = 0; k < MANY; k++)
            pushed |= !strcmp(referrers[k].s, digest_at(list, i));
        assert_true(pushed);
        assert_true(json_size(json_get(descriptor, "size"), &size) && size > 0);
        assert_non_null(json_text(json_get(json_get(descriptor, "annotations"), "number")));
    }
    json_free(list);
    assert_count(store, &subject, "type/odd", 2);
    assert_count(store, &subject, "type/even", 3);
    assert_count(store, &subject, "type/none", 0);
}

static void test_pages(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    char last[sizeof subject.s] = "";
    size_t seen = 0;

    for (int i = 0; i < MANY; i++)
        have_referrer(store, &subject, i % 2 ? "type/odd" : "type/even", i);
    for (bool more = true; more;) {
        struct listing page = list_page(store, &subject, NULL, (struct page){last, 2});
        size_t n = json_array_len(page.json);
        assert_true(n == 2 || !page.more);
        assert_true(strcmp(last, digest_at(page.json, 0)) < 0);
        assert_string_equal(digest_at(page.json, n - 1), page.last.s);
        memcpy(last, page.last.s, sizeof last);
        seen += n;
        more = page.more;
        json_free(page.json);
    }
    assert_int_equal(MANY, seen);
    struct listing exact = list_page(store, &subject, "type/odd", (struct page){NULL, 2});
    assert_int_equal(2, json_array_len(exact.json));
    assert_false(exact.more);
    json_free(exact.json);
}

/* Distribution's collector may take a manifest; berth's index is stale then. */
static void test_entries_without_their_manifest_are_left_out(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    const struct digest gone = have_referrer(store, &subject, "type/x", 1);
    struct layout_path path;

    have_referrer(store, &subject, "type/x", 2);
    unit_delete(store->path, layout_revision(&path, &name, &gone));
    struct json *list = list_all(store, &subject, NULL);
    assert_int_equal(1, json_array_len(list));
    assert_string_not_equal(gone.s, digest_at(list, 0));
    json_free(list);
}

/* The tag in which clients keep the list for a registry without this endpoint; what it says of the
 * referrers is their word only. */
static void have_fallback(const struct store *store, const struct digest *subject,
                          const struct digest *referrers, size_t n)
{
    char tag[TAG_LEN_MAX + 1];
    AUTO_BUF text = BUF_INIT;

    snprintf(tag, sizeof tag, "%s-%.64s", digest_algorithm_name(subject->algorithm),
             digest_hex(subject));
    buf_addstr(&text, "{\"schemaVersion\":2,\"manifests\":[");
    for (size_t i = 0; i < n; i++)
        buf_addf(&text,
                 "%s{\"mediaType\":\"type/m\",\"digest\":\"%s\",\"size\":5,"
                 "\"artifactType\":\"type/claimed\"}",
                 i ? "," : "", referrers[i].s);
    buf_addstr(&text, "]}");
    have_manifest(store, "a", tag, "%s", text.s);
}

static void test_fallback_tags(void **state)
{
    const struct store *store = *state;
    const struct digest subjects[] = {unit_digest(DIGEST_SHA256, "subject"),
                                      unit_digest(DIGEST_SHA512, "subject")};

    for (size_t i = 0; i < LENGTH_OF(subjects); i++) {
        struct digest referrers[4];
        referrers[0] = have_referrer(store, &subjects[i], "type/x", 1);
        unit_delete(store->path, "repositories/a/_referrers"); /* as another registry left it */
        referrers[1] = have_referrer(store, &subjects[i], "type/y", 2); /* in both lists */
        referrers[2] = have_image(store, "a", NULL, "of no subject");
        referrers[3] = have_referrer(store, &referrers[2], "type/x", 3); /* of another one */
        assert_count(store, &subjects[i], NULL, 1);
        have_fallback(store, &subjects[i], referrers, LENGTH_OF(referrers));
        assert_count(store, &subjects[i], NULL, 2);
        assert_count(store, &subjects[i], "type/x", 1);
        assert_count(store, &subjects[i], "type/y", 1);
        assert_count(store, &subjects[i], "type/claimed", 0);
    }
}

#define BOTH 8

/* All pages of n, in order; how many they hold. */
static size_t walk(const struct store *store, const struct digest *subject, const char *type, int n)
{
    char last[sizeof subject->s] = "";
    size_t seen = 0;

    for (bool more = true; more;) {
        n_reads = largest = 0;
        struct listing page = list_page(store, subject, type, (struct page){last, n});
        assert_true(type || (n_reads == 1 && largest == (size_t)n + 1));
        for (size_t i = 0; i < json_array_len(page.json); i++, seen++) {
            assert_true(strcmp(last, digest_at(page.json, i)) < 0);
            snprintf(last, sizeof last, "%s", digest_at(page.json, i));
        }
        more = page.more;
        json_free(page.json);
    }
    return seen;
}

/* Pages hold what is in either list once, in order, and read little more of the index. */
static void test_pages_of_both_lists(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    struct digest referrers[BOTH];

    for (int i = 0; i < BOTH; i++)
        referrers[i] = have_referrer(store, &subject, "type/y", i);
    unit_delete(store->path, "repositories/a/_referrers");
    have_referrer(store, &subject, "type/y", 0); /* it is in both */
    for (int i = BOTH; i < 5 * BOTH; i++)
        have_referrer(store, &subject, i % 4 ? "type/x" : "type/y", i);
    have_fallback(store, &subject, referrers, BOTH);
    for (int n = 1; n < 5; n++) {
        assert_int_equal(5 * BOTH, walk(store, &subject, NULL, n));
        assert_int_equal(2 * BOTH, walk(store, &subject, "type/y", n));
    }
    n_reads = 0;
    struct listing none = list_page(store, &subject, "type/none", (struct page){NULL, 1});
    assert_int_equal(0, json_array_len(none.json));
    assert_in_range(n_reads, 2, 5); /* 2, 4, 8, 16 and 32 of them */
    json_free(none.json);
}

/* Issue 10, item 7: what a client writes into its tag does not make one request look at all of it;
 * what is behind is on the next page. */
static void test_7_a_page_is_bounded_in_looks(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", NULL, "mark");
    const struct digest referrer = have_referrer(store, &image, "t/x", 0);
    struct page page = {NULL, 1000};
    size_t pages = 0, listed = 0;
    AUTO_BUF text = BUF_INIT;
    char tag[100];

    buf_addstr(&text, "{\"schemaVersion\":2,\"manifests\":[");
    for (int i = 0; i < 20000; i++)
        buf_addf(&text, "{\"mediaType\":\"m/t\",\"digest\":\"sha256:%064x\",\"size\":1},", i);
    buf_addf(&text, "{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1}]}", referrer.s);
    snprintf(tag, sizeof tag, "sha256-%s", digest_hex(&image));
    put_manifest(store, "a", tag, text.s);
    for (bool more = true; more; pages++) {
        struct listing listing = list_page(store, &image, NULL, page);
        static struct digest last;
        listed += json_array_len(listing.json);
        more = listing.more;
        last = listing.last;
        page.last = last.s;
        json_free(listing.json);
    }
    assert_in_range(pages, 2, 10);
    assert_int_equal(1, listed);
}

static void test_fallback_entries_without_their_manifest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    struct digest gone[2];
    struct layout_path path;

    gone[0] = have_referrer(store, &subject, "type/x", 1);
    gone[1] = have_referrer(store, &subject, "type/x", 2);
    unit_delete(store->path, "repositories/a/_referrers");
    have_fallback(store, &subject, gone, LENGTH_OF(gone));
    assert_count(store, &subject, NULL, 2);
    unit_delete(store->path, layout_revision(&path, &name, &gone[0]));
    unit_delete(store->path, layout_blob(&path, &gone[1]));
    assert_count(store, &subject, NULL, 0);
}

static void test_tags_that_only_look_like_a_fallback(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    char tag[TAG_LEN_MAX + 1];
    struct layout_path path;

    snprintf(tag, sizeof tag, "sha256-%s", digest_hex(&subject));
    const struct digest image = have_image(store, "a", tag, "an image");
    have_referrer(store, &subject, "type/x", 1);
    assert_count(store, &subject, NULL, 1);
    unit_delete(store->path, layout_blob(&path, &image)); /* and one that points at nothing */
    assert_count(store, &subject, NULL, 1);
}

static void have_entry(const struct store *store, const struct digest *subject,
                       const struct digest *referrer, size_t padding)
{
    const struct name name = unit_name("a");
    AUTO_BUF entry = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    buf_addf(&entry, "{\"digest\":\"%s\",\"padding\":\"", referrer->s);
    memset(buf_reserve(&entry, padding), 'p', padding);
    entry.len += padding;
    buf_addstr(&entry, "\"}");
    assert_returns(0, repo_link_revision(store, &name, referrer, &dirty, &failure));
    assert_returns(0, referrer_add(store, &name, subject, referrer, &entry, &dirty, &failure));
}

static void test_entries_are_shown_as_they_stand(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject"), referrer = unit_digest_of("1");

    have_entry(store, &subject, &referrer, 3);
    struct json *list = list_all(store, &subject, NULL);
    assert_string_equal("ppp", json_text(json_get(json_array_at(list, 0), "padding")));
    json_free(list);
}

static void test_a_page_is_bounded_in_bytes(void **state)
{
    const struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    const struct digest referrers[] = {unit_digest_of("1"), unit_digest_of("2")};

    for (size_t i = 0; i < LENGTH_OF(referrers); i++)
        have_entry(store, &subject, &referrers[i], (size_t)5 << 20); /* each more than a page */
    struct listing first = list_page(store, &subject, NULL, (struct page){NULL, 1000});
    assert_int_equal(1, json_array_len(first.json));
    assert_true(first.more);
    struct listing second = list_page(store, &subject, NULL, (struct page){first.last.s, 1000});
    assert_int_equal(1, json_array_len(second.json));
    assert_false(second.more);
    assert_string_not_equal(first.last.s, second.last.s);
    json_free(first.json);
    json_free(second.json);
}

static void test_a_failing_disk_is_no_empty_list(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    const struct digest referrer = have_referrer(store, &subject, "type/x", 1);
    struct layout_path path;
    struct digest last;
    bool more;
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);
    const char *const broken[] = {"repositories/a/_manifests/tags",
                                  "repositories/a/_manifests/revisions/sha256",
                                  "repositories/a/_referrers"};

    json_writer_array(&json, NULL);
    unit_put(store->path, layout_blob(&path, &referrer), "damaged");
    unit_put(store->path, layout_referrer(&path, &name, &subject, &referrer), "damaged");
    for (size_t i = 0; i <= LENGTH_OF(broken); i++) {
        assert_fails(IO, list_referrers(unit_registry(store), &name, &subject, NULL,
                                        (struct page){NULL, 10}, &json, &last, &more, &failure));
        if (i < LENGTH_OF(broken))
            unit_break(store->path, broken[i]);
    }
}

static void test_damaged_entries_are_made_up_from_the_manifest(void **state)
{
    static const char *const damages[] = {"", "{", "not JSON"};
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("subject");
    const struct digest referrer = have_referrer(store, &subject, "type/x", 1);
    struct layout_path path;

    for (size_t i = 0; i < LENGTH_OF(damages); i++) {
        unit_put(store->path, layout_referrer(&path, &name, &subject, &referrer), damages[i]);
        assert_count(store, &subject, "type/x", 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_none),
        STORE_TEST(test_types_that_are_noted),
        STORE_TEST(test_descriptors_in_the_order_of_digests),
        STORE_TEST(test_pages),
        STORE_TEST(test_entries_without_their_manifest_are_left_out),
        STORE_TEST(test_fallback_tags),
        STORE_TEST(test_pages_of_both_lists),
        STORE_TEST(test_7_a_page_is_bounded_in_looks),
        STORE_TEST(test_fallback_entries_without_their_manifest),
        STORE_TEST(test_tags_that_only_look_like_a_fallback),
        STORE_TEST(test_entries_are_shown_as_they_stand),
        STORE_TEST(test_a_page_is_bounded_in_bytes),
        STORE_TEST(test_a_failing_disk_is_no_empty_list),
        STORE_TEST(test_damaged_entries_are_made_up_from_the_manifest),
    };

    return RUN(tests);
}
