/* SPDX-License-Identifier: Apache-2.0
 * registry/remove.c */
#include "unit/registry/content.h"

#include "registry/remove.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "unit/trace.h"

static const struct precondition none = {NULL, NULL};

static int remove_it(const struct store *store, const char *repository, const char *reference,
                     struct strings *tags)
{
    const struct name name = unit_name(repository);
    const struct reference parsed = reference_to(reference);

    return remove_manifest(unit_registry(store), &name, &parsed, none, tags, &failure);
}

static void test_tag_alone(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");

    have_image(store, "a", "v2", "mark");
    assert_returns(0, remove_it(store, "a", "v1", NULL));
    assert_string_equal("", tag_digest(store, "a", "v1"));
    assert_string_equal(digest.s, tag_digest(store, "a", "v2"));
    assert_returns(1, repo_has_revision(store, &name, &digest, &failure));
    assert_fails(MANIFEST_UNKNOWN, remove_it(store, "a", "v1", NULL));
    assert_fails(MANIFEST_UNKNOWN, remove_it(store, "b", "v2", NULL));
}

static void test_digest_with_its_tags(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest other = have_image(store, "a", "other", "other");
    AUTO_STRINGS tags = {0};
    int64_t size;

    have_image(store, "a", "v2", "mark");
    have_image(store, "b", "v1", "mark");
    unit_put(store->path, "repositories/a/_manifests/tags/damaged/current/link", "x");
    assert_returns(0, remove_it(store, "a", digest.s, &tags));
    assert_int_equal(2, tags.n);
    assert_string_equal("v1", tags.v[0]);
    assert_string_equal("v2", tags.v[1]);
    assert_string_equal("", tag_digest(store, "a", "v1"));
    assert_string_equal("", tag_digest(store, "a", "v2"));
    assert_string_equal(other.s, tag_digest(store, "a", "other"));
    assert_true(unit_exists(store->path, "repositories/a/_manifests/tags/damaged"));
    assert_returns(0, repo_has_revision(store, &name, &digest, &failure));
    assert_string_equal(digest.s, tag_digest(store, "b", "v1"));
    assert_returns(1, blob_stat(store, &digest, &size, &failure)); /* the collector's */
    assert_fails(MANIFEST_UNKNOWN, remove_it(store, "a", digest.s, NULL));
    assert_returns(0, remove_it(store, "a", other.s, NULL)); /* nobody wants the names */
}

static void test_damaged_tag_can_be_removed(void **state)
{
    const struct store *store = *state;

    have_image(store, "a", "v1", "mark");
    unit_put(store->path, "repositories/a/_manifests/tags/v1/current/link", "");
    assert_returns(0, remove_it(store, "a", "v1", NULL));
    assert_false(unit_exists(store->path, "repositories/a/_manifests/tags/v1"));
}

static void test_damaged_manifest_can_be_removed(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &digest), "damaged");
    assert_returns(0, remove_it(store, "a", digest.s, NULL));
    assert_returns(0, repo_has_revision(store, &name, &digest, &failure));
}

static void test_leaves_the_referrers_of_its_subject(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = have_image(store, "a", "v1", "mark");
    const struct digest first = have_manifest(
        store, "a", NULL, "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":1}}",
        subject.s);
    const struct digest second = have_manifest(
        store, "a", NULL,
        "{\"schemaVersion\":2,\"layers\":[],\"subject\":{\"digest\":\"%s\",\"size\":1}}",
        subject.s);
    AUTO_STRINGS digests = {0};

    assert_returns(0, remove_it(store, "a", first.s, NULL));
    bool more;
    assert_returns(0, referrer_page(store, &name, &subject, NULL, 9, &digests, &more, &failure));
    assert_int_equal(1, digests.n);
    assert_string_equal(second.s, digests.v[0]);
}

struct wanted {
    const char *digest; /* NULL: nothing must be there */
};

static bool holds(const void *context, const struct digest *current)
{
    const struct wanted *wanted = context;

    return current ? wanted->digest && !strcmp(wanted->digest, current->s) : !wanted->digest;
}

static int remove_if(const struct store *store, const char *reference, const char *digest)
{
    const struct name name = unit_name("a");
    const struct reference parsed = reference_to(reference);
    const struct wanted wanted = {digest};

    return remove_manifest(unit_registry(store), &name, &parsed,
                           (struct precondition){holds, &wanted}, NULL, &failure);
}

static void test_precondition(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark"), other = unit_digest_of("x");

    assert_fails(PRECONDITION, remove_if(store, "v1", other.s));
    assert_fails(PRECONDITION, remove_if(store, "v1", NULL));
    assert_fails(PRECONDITION, remove_if(store, digest.s, other.s));
    /* A condition is for what is there (RFC 9110, section 13.2.1). */
    assert_fails(MANIFEST_UNKNOWN, remove_if(store, "v2", other.s));
    assert_fails(MANIFEST_UNKNOWN, remove_if(store, "v2", NULL));
    assert_string_equal(digest.s, tag_digest(store, "a", "v1"));
    assert_returns(0, remove_if(store, "v1", digest.s));
    assert_returns(0, remove_if(store, digest.s, digest.s));
    unit_put(store->path, "repositories/a/_manifests/tags/v1/current/link", "damaged");
    assert_fails(PRECONDITION, remove_if(store, "v1", digest.s));
    assert_true(unit_exists(store->path, "repositories/a/_manifests/tags/v1"));
}

static bool never(const void *context, const struct digest *current)
{
    (void)context;
    (void)current;
    return false;
}

static int remove_unused_manifest(const struct store *store, const struct digest *digest,
                                  struct precondition precondition)
{
    const struct name name = unit_name("a");
    AUTO_STRINGS signatures = {0};

    strings_add(&signatures, "signature");
    strings_add(&signatures, "gone");
    return remove_unused(unit_registry(store), &name, digest, precondition, &signatures, &failure);
}

static void test_unused_manifest_with_its_signatures(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", NULL, "mark");
    const struct digest tagged = have_image(store, "a", "v1", "tagged");

    have_image(store, "a", "signature", "signature");
    assert_fails(DENIED, remove_unused_manifest(store, &tagged, none));
    assert_fails(PRECONDITION,
                 remove_unused_manifest(store, &digest, (struct precondition){never, NULL}));
    assert_string_not_equal("", tag_digest(store, "a", "signature"));
    assert_returns(0, remove_unused_manifest(store, &digest, none));
    assert_returns(0, repo_has_revision(store, &name, &digest, &failure));
    assert_string_equal("", tag_digest(store, "a", "signature"));
    assert_string_equal(tagged.s, tag_digest(store, "a", "v1"));
    assert_fails(MANIFEST_UNKNOWN, remove_unused_manifest(store, &digest, none));
}

/* So that no promise is made of it meanwhile. */
static void test_unused_manifest_waits_for_all_others(void **state)
{
    struct store *store = *state;
    const struct digest digest = have_image(store, "a", NULL, "mark");
    AUTO_LOCK lock = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    store->lock_timeout_ms = 0;
    assert_fails(BUSY, remove_unused_manifest(store, &digest, none));
}

static void test_blob(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = have_blob(store, "a", "content");
    int64_t size;

    have_blob(store, "b", "content");
    assert_returns(0, remove_blob(unit_registry(store), &name, &digest, &failure));
    assert_returns(0, repo_has_layer(store, &name, &digest, &failure));
    assert_returns(1, repo_has_layer(store, &other, &digest, &failure));
    assert_returns(1, blob_stat(store, &digest, &size, &failure));
    assert_fails(BLOB_UNKNOWN, remove_blob(unit_registry(store), &name, &digest, &failure));
}

static void test_waits_for_no_other_writer(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest blob = have_blob(store, "a", "content");
    AUTO_LOCK lock = {-1};

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &lock, &failure));
    store->lock_timeout_ms = 0;
    assert_returns(0, remove_it(store, "a", "v1", NULL));
    assert_returns(0, remove_it(store, "a", digest.s, NULL));
    assert_returns(0, remove_blob(unit_registry(store), &name, &blob, &failure));
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest blob = have_blob(store, "a", "content");

    unit_break(store->path, "repositories/a/_manifests/tags");
    assert_fails(IO, remove_it(store, "a", digest.s, NULL));
    assert_returns(1, repo_has_revision(store, &name, &digest, &failure));
    unit_break(store->path, "repositories/a/_manifests");
    assert_fails(IO, remove_it(store, "a", digest.s, NULL));
    unit_break(store->path, "repositories/a/_layers");
    assert_fails(IO, remove_blob(unit_registry(store), &name, &blob, &failure));
}

static void test_waits_for_the_repository_and_the_sweeper(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest blob = have_blob(store, "a", "content");

    store->lock_timeout_ms = 50;
    {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_repo(store, &name, &lock, &failure));
        assert_fails(BUSY, remove_it(store, "a", "v1", NULL));
    }
    {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
        assert_fails(BUSY, remove_it(store, "a", digest.s, NULL));
        assert_fails(BUSY, remove_blob(unit_registry(store), &name, &blob, &failure));
    }
    assert_string_equal(digest.s, tag_digest(store, "a", "v1"));
}

static void test_what_is_acknowledged_is_durable(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest blob = have_blob(store, "a", "content");

    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, remove_it(store, "a", digest.s, NULL));
    assert_returns(0, remove_blob(unit_registry(store), &name, &blob, &failure));
    trace_stop();
    trace_assert_durable();
    int untagged = trace_fsync("_manifests/tags", -1);
    assert_true(untagged >= 0);
    assert_true(trace_fsync("revisions/sha256", untagged) > untagged); /* names go first */
    assert_int_equal(-1, trace_fsync("_manifests/tags", trace_fsync("revisions/sha256", -1)));
    assert_true(trace_fsync("_layers/sha256", untagged) > untagged);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_tag_alone),
        STORE_TEST(test_digest_with_its_tags),
        STORE_TEST(test_damaged_tag_can_be_removed),
        STORE_TEST(test_damaged_manifest_can_be_removed),
        STORE_TEST(test_leaves_the_referrers_of_its_subject),
        STORE_TEST(test_precondition),
        STORE_TEST(test_unused_manifest_with_its_signatures),
        STORE_TEST(test_unused_manifest_waits_for_all_others),
        STORE_TEST(test_blob),
        STORE_TEST(test_waits_for_no_other_writer),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_waits_for_the_repository_and_the_sweeper),
        STORE_TEST(test_what_is_acknowledged_is_durable),
    };

    return RUN(tests);
}
