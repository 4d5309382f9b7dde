/* SPDX-License-Identifier: Apache-2.0
 * registry/tree.c: what is visited, once, and in which order. */
#include "unit/registry/content.h"

#include "registry/remove.h"
#include "registry/tree.h"
#include "store/layout.h"
#include "store/repo.h"

#include <stdio.h>

#define VISITS_MAX 32

struct visits {
    struct digest digest[VISITS_MAX];
    bool is_manifest[VISITS_MAX];
    bool is_named[VISITS_MAX]; /* by a descriptor */
    size_t n;
    size_t stop_at; /* with 7 */
};

static int visit(void *context, const struct tree_entry *entry, struct err *err)
{
    struct visits *visits = context;

    (void)err;
    assert_true(visits->n < VISITS_MAX);
    visits->digest[visits->n] = *entry->digest;
    visits->is_manifest[visits->n] = entry->manifest != NULL;
    visits->is_named[visits->n] = entry->descriptor != NULL;
    if (entry->manifest)
        assert_string_equal(entry->digest->s, entry->manifest->digest.s);
    if (entry->descriptor)
        assert_string_equal(entry->digest->s, entry->descriptor->digest.s);
    visits->n++;
    return visits->n == visits->stop_at ? 7 : 0;
}

/* The place of a digest among the visits; fails if it was not visited, or twice. */
static size_t place_of(const struct visits *visits, const struct digest *digest)
{
    size_t found = 0, at = 0;

    for (size_t i = 0; i < visits->n; i++) {
        if (!digest_equal(&visits->digest[i], digest))
            continue;
        at = i;
        found++;
    }
    assert_int_equal(1, found);
    return at;
}

static int walk(const struct store *store, const struct digest *digest, bool with_referrers,
                struct visits *visits)
{
    const struct name name = unit_name("a");

    return tree_walk(unit_registry(store), &name, digest, with_referrers, visit, visits, &failure);
}

static struct digest have_index(const struct store *store, const struct digest *one,
                                const struct digest *two)
{
    return have_manifest(store, "a", NULL,
                         "{\"schemaVersion\":2,\"manifests\":["
                         "{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1},"
                         "{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1}]}",
                         one->s, two->s);
}

static struct digest have_referrer(const struct store *store, const struct digest *subject)
{
    return have_manifest(store, "a", NULL,
                         "{\"schemaVersion\":2,\"manifests\":[],"
                         "\"subject\":{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1}}",
                         subject->s);
}

static void test_image(void **state)
{
    const struct store *store = *state;
    const struct digest config = have_blob(store, "a", "{}"), layer = have_blob(store, "a", "x");
    const struct digest image = have_manifest(
        store, "a", "v1",
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"c/t\",\"digest\":\"%s\",\"size\":2},"
        "\"layers\":[{\"mediaType\":\"l/t\",\"digest\":\"%s\",\"size\":1},"
        "{\"mediaType\":\"l/t\",\"digest\":\"%s\",\"size\":1}]}",
        config.s, layer.s, layer.s);
    struct visits visits = {0};

    assert_returns(0, walk(store, &image, false, &visits));
    assert_int_equal(3, visits.n);
    assert_int_equal(0, place_of(&visits, &config));
    assert_int_equal(1, place_of(&visits, &layer));
    assert_int_equal(2, place_of(&visits, &image)); /* behind what it needs */
    assert_true(!visits.is_manifest[0] && !visits.is_manifest[1] && visits.is_manifest[2]);
    assert_true(visits.is_named[0] && visits.is_named[1] && !visits.is_named[2]);
}

static void test_index_of_an_index(void **state)
{
    const struct store *store = *state;
    const struct digest one = have_image(store, "a", "1", "1"),
                        two = have_image(store, "a", "2", "2");
    const struct digest inner = have_index(store, &one, &two);
    const struct digest outer = have_index(store, &two, &inner);
    struct visits visits = {0};

    assert_returns(0, walk(store, &outer, false, &visits));
    assert_int_equal(5, visits.n); /* they have the same configuration */
    assert_true(place_of(&visits, &one) < place_of(&visits, &inner));
    assert_true(place_of(&visits, &two) < place_of(&visits, &inner));
    assert_int_equal(4, place_of(&visits, &outer));
    assert_true(visits.is_named[place_of(&visits, &inner)]);
}

static void test_referrers(void **state)
{
    const struct store *store = *state;
    const struct digest one = have_image(store, "a", "1", "1"),
                        two = have_image(store, "a", "2", "2");
    const struct digest index = have_index(store, &one, &two);
    const struct digest of_index = have_referrer(store, &index),
                        of_one = have_referrer(store, &one);
    const struct digest of_referrer = have_referrer(store, &of_one);
    struct visits visits = {0}, alone = {0};

    assert_returns(0, walk(store, &index, true, &visits));
    assert_int_equal(1 + 3 + 3, visits.n);
    assert_true(place_of(&visits, &index) < place_of(&visits, &of_index));
    assert_true(place_of(&visits, &one) < place_of(&visits, &of_one));
    assert_true(place_of(&visits, &of_one) < place_of(&visits, &of_referrer));
    assert_false(visits.is_named[place_of(&visits, &of_one)]);
    assert_returns(0, walk(store, &index, false, &alone));
    assert_int_equal(4, alone.n);
    /* A referrer does not bring its subject. */
    alone.n = 0;
    assert_returns(0, walk(store, &of_one, true, &alone));
    assert_int_equal(2, alone.n);
}

/* Between the index and what it needs nothing comes that needs the index. */
static void test_a_referrer_that_has_the_index_as_its_child(void **state)
{
    const struct store *store = *state;
    const struct digest image = have_image(store, "a", "1", "1"),
                        leaf = have_blob(store, "a", "a layer");
    const struct digest index = have_index(store, &image, &leaf);
    const struct digest subjects[] = {image, leaf};

    for (size_t i = 0; i < LENGTH_OF(subjects); i++) {
        struct visits visits = {0};
        const struct digest referrer = have_manifest(
            store, "a", NULL,
            "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"m/t\",\"digest\":\"%s\","
            "\"size\":1}],\"subject\":{\"mediaType\":\"m/t\",\"digest\":\"%s\",\"size\":1}}",
            index.s, subjects[i].s);
        assert_returns(0, walk(store, &index, true, &visits));
        assert_true(place_of(&visits, &subjects[i]) < place_of(&visits, &index));
        assert_true(place_of(&visits, &index) < place_of(&visits, &referrer));
        assert_false(visits.is_named[place_of(&visits, &referrer)]);
    }
}

static void test_stops_when_told(void **state)
{
    const struct store *store = *state;
    const struct digest one = have_image(store, "a", "1", "1"),
                        two = have_image(store, "a", "2", "2");
    const struct digest index = have_index(store, &one, &two);
    const struct digest referrer = have_referrer(store, &one);

    for (size_t at = 1; at <= 5; at++) {
        struct visits visits = {.stop_at = at};
        assert_returns(7, walk(store, &index, true, &visits));
        assert_int_equal(at, visits.n);
    }
    struct visits all = {.stop_at = 6};
    assert_returns(0, walk(store, &index, true, &all));
    place_of(&all, &referrer);
}

static void test_what_is_missing(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest one = have_image(store, "a", "1", "1"),
                        two = have_image(store, "a", "2", "2");
    const struct digest index = have_index(store, &one, &two), none = unit_digest_of("none");
    const struct reference child = {.is_digest = true, .digest = two};
    struct visits visits = {0};
    struct layout_path path;

    assert_fails(MANIFEST_UNKNOWN, walk(store, &none, false, &visits));
    assert_returns(0, remove_manifest(unit_registry(store), &name, &child, (struct precondition){0},
                                      NULL, &failure));
    assert_fails(MANIFEST_UNKNOWN, walk(store, &index, false, &visits));
    assert_non_null(strstr(failure.msg, two.s));
    /* Blobs are the visitor's to miss. */
    const struct digest config = unit_digest_of("{}");
    unit_delete(store->path, layout_blob(&path, &config));
    visits.n = 0;
    assert_returns(0, walk(store, &one, false, &visits));
    assert_int_equal(2, visits.n);
    unit_put(store->path, layout_blob(&path, &one), "damaged");
    assert_fails(IO, walk(store, &one, false, &visits));
}

/* Whoever pushes a chain of indexes that is longer than the stack gets an error. */
static void test_depth_is_bounded(void **state)
{
    const struct store *store = *state;
    struct digest deep = have_image(store, "a", NULL, "1");
    struct visits visits = {0};

    for (int i = 0; i < 40; i++)
        deep = have_index(store, &deep, &deep);
    assert_fails(MANIFEST_INVALID, walk(store, &deep, false, &visits));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_referrer_that_has_the_index_as_its_child),
        STORE_TEST(test_image),
        STORE_TEST(test_index_of_an_index),
        STORE_TEST(test_referrers),
        STORE_TEST(test_stops_when_told),
        STORE_TEST(test_what_is_missing),
        STORE_TEST(test_depth_is_bounded),
    };

    return RUN(tests);
}
