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

#include <errno.h>
#include <stdio.h>

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
    int untagged = trace_fsync("_manifests/tags", -1);
    assert_true(untagged >= 0);
    assert_true(trace_fsync("revisions/sha256", untagged) > untagged); /* names go first */
    assert_true(trace_fsync("_layers/sha256", untagged) > untagged);
}

/* What another process does just before a lock is taken, counted down to. */
static void (*meanwhile)(const struct store *);
static int locks_until;
static const struct store *the_store;
static int n_locked = -1, reads_locked, reads;
static bool fail_locked;

int __real_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err);
int __wrap_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err);
int __wrap_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err)
{
    void (*now)(const struct store *) = meanwhile;

    if (now && locks_until-- == 0) {
        meanwhile = NULL;
        now(the_store);
    }
    int locked = __real_lock_repo(store, name, lock, err);
    n_locked = locked == 0 ? lock->fd : -1;
    return locked;
}

void __real_lock_free(struct lock *lock);
void __wrap_lock_free(struct lock *lock);
void __wrap_lock_free(struct lock *lock)
{
    if (lock->fd >= 0 && lock->fd == n_locked)
        n_locked = -1;
    __real_lock_free(lock);
}

int __real_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err)
{
    reads++;
    reads_locked += n_locked >= 0;
    if (n_locked >= 0 && fail_locked)
        return err_sys(err, EIO, "read %s", path);
    return __real_fs_read(root, path, limit, out, err);
}

static void set_late(const struct store *store)
{
    have_image(store, "a", "late", "mark");
}

static void move_v1(const struct store *store)
{
    have_image(store, "a", "v1", "another");
}

static void remove_v1(const struct store *store)
{
    assert_int_equal(0, remove_it(store, "a", "v1", NULL));
}

/* Between any two locks that a removal takes: what was set by then goes, what was moved stays. */
static void test_what_happens_meanwhile(void **state)
{
    static void (*const all[])(const struct store *) = {set_late, move_v1, remove_v1};
    const struct store *store = *state;
    const struct name name = unit_name("a");

    the_store = store;
    for (size_t i = 0; i < LENGTH_OF(all); i++)
        for (int at = 0; at < 2; at++) { /* before the tags go, and before the manifest does */
            const struct digest digest = have_image(store, "a", "v1", "mark");
            AUTO_STRINGS tags = {0};
            if (all[i] != set_late && at == 1)
                continue; /* v1 is gone by then */
            have_image(store, "a", "v2", "mark");
            meanwhile = all[i];
            locks_until = at;
            assert_returns(0, remove_it(store, "a", digest.s, &tags));
            assert_null(meanwhile);
            assert_returns(0, repo_has_revision(store, &name, &digest, &failure));
            assert_string_equal("", tag_digest(store, "a", "v2"));
            assert_string_equal("", tag_digest(store, "a", "late"));
            assert_int_equal(all[i] == move_v1, tag_digest(store, "a", "v1")[0] != '\0');
            assert_int_equal(all[i] == set_late, strings_has(&tags, "late"));
            assert_int_equal(all[i] == set_late, strings_has(&tags, "v1"));
            assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
        }
}

/* Who knows what it points at. */
static void test_a_tag_that_cannot_be_read_keeps_its_manifest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");

    fail_locked = true;
    int result = remove_it(store, "a", digest.s, NULL);
    fail_locked = false;
    assert_int_equal(-1, result);
    assert_int_equal(EIO, failure.sys);
    assert_string_equal(digest.s, tag_digest(store, "a", "v1"));
    assert_returns(1, repo_has_revision(store, &name, &digest, &failure));
}

static void push_without_end(const struct store *store)
{
    have_image(store, "a", "late", "mark");
    meanwhile = push_without_end;
    locks_until = 1; /* its own, then the next one of the removal */
}

static void test_who_is_pushed_all_the_while_is_busy(void **state)
{
    struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");

    the_store = store;
    store->lock_timeout_ms = 20;
    meanwhile = push_without_end;
    locks_until = 1;
    assert_fails(BUSY, remove_it(store, "a", digest.s, NULL));
    meanwhile = NULL;
    assert_returns(0, remove_it(store, "a", digest.s, NULL)); /* it goes on from there */
}

/* Nobody waits until all tags have been looked at, however many there are. */
static void test_tags_are_searched_without_a_lock(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    char path[80];

    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "repositories/a/_manifests/tags/t%03d/current/link", i);
        unit_put(store->path, path, unit_digest_of("other").s);
    }
    reads = reads_locked = 0;
    assert_returns(0, remove_it(store, "a", digest.s, NULL));
    assert_true(reads > 500);
    assert_true(reads_locked < 5);
    assert_string_equal("", tag_digest(store, "a", "v1"));
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
        STORE_TEST(test_what_happens_meanwhile),
        STORE_TEST(test_a_tag_that_cannot_be_read_keeps_its_manifest),
        STORE_TEST(test_who_is_pushed_all_the_while_is_busy),
        STORE_TEST(test_tags_are_searched_without_a_lock),
    };

    return RUN(tests);
}
