/* SPDX-License-Identifier: Apache-2.0
 * registry/remove.c and remove_tags.c: what others do between the locks that they take. */
#include "unit/registry/content.h"

#include "registry/remove.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"
#include "unit/trace.h"

#include <errno.h>
#include <stdio.h>

static int remove_it(const struct store *store, const char *repository, const char *reference,
                     struct strings *tags)
{
    const struct precondition none = {NULL, NULL};
    const struct name name = unit_name(repository);
    const struct reference parsed = reference_to(reference);

    return remove_manifest(unit_registry(store), &name, &parsed, none, tags, &failure);
}

/* What another process does just before a lock is taken, counted down to. */
static void (*meanwhile)(const struct store *);
static int locks_until;
static const struct store *the_store;
static int n_locked = -1, reads_locked, reads;
static int fail_locked; /* the read under a lock that fails; 0: none does */

static int64_t ms_per_look; /* how long it takes until the clock is looked at again; 0: as it is */
static int n_locks;

int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
    static int64_t looks;

    return ms_per_look ? ms_per_look * ++looks : __real_clock_ms();
}

int __real_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err);
int __wrap_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err);
int __wrap_lock_repo(const struct store *store, const struct name *name, struct lock *lock,
                     struct err *err)
{
    void (*now)(const struct store *) = meanwhile;

    n_locks++;
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
    if (n_locked >= 0 && fail_locked > 0 && --fail_locked == 0)
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

static struct store *killed_on;

/* By a process that was killed before it synced that. */
static void move_v1_and_die(const struct store *store)
{
    killed_on->fs.durable = false;
    have_image(store, "a", "v1", "another");
    killed_on->fs.durable = true;
}

/* Before the manifest goes: a power cut must not bring back that a tag points at it. */
static void test_what_others_moved_is_durable(void **state)
{
    struct store *store = *state;

    the_store = killed_on = store;
    for (int at = -1; at < 1; at++) { /* before all, and between the search and the lock */
        const struct digest digest = have_image(store, "a", "v1", "mark");
        have_image(store, "a", "v2", "mark");
        if (at < 0)
            move_v1_and_die(store);
        else
            meanwhile = move_v1_and_die;
        locks_until = at;
        store->fs.durable = true;
        trace_start(store->path);
        assert_returns(0, remove_it(store, "a", digest.s, NULL));
        trace_stop();
        assert_null(meanwhile);
        int removed = trace_fsync("revisions/sha256", -1);
        int moved = trace_fsync("tags/v1/current", -1);
        assert_true(moved >= 0);
        assert_true(moved < removed);
        store->fs.durable = false;
    }
}

/* Who knows what it points at. */
static void test_a_tag_that_cannot_be_read_keeps_its_manifest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");

    fail_locked = 1;
    int result = remove_it(store, "a", digest.s, NULL);
    assert_int_equal(0, fail_locked);
    assert_int_equal(-1, result);
    assert_int_equal(EIO, failure.sys);
    assert_string_equal(digest.s, tag_digest(store, "a", "v1"));
    assert_returns(1, repo_has_revision(store, &name, &digest, &failure));
}

/* What is gone is told, even if another could not be looked at; and the manifest goes later. */
static void test_tags_that_went_before_a_failure_are_named(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    AUTO_STRINGS tags = {0};

    have_image(store, "a", "v2", "mark");
    fail_locked = 2;
    assert_fails(IO, remove_it(store, "a", digest.s, &tags));
    assert_int_equal(0, fail_locked);
    assert_int_equal(1, tags.n);
    assert_string_equal("v1", tags.v[0]);
    assert_string_equal("", tag_digest(store, "a", "v1"));
    assert_string_equal(digest.s, tag_digest(store, "a", "v2"));
    assert_int_equal(0, unit_count(store->path, "_berth/tmp"));
    assert_returns(0, remove_it(store, "a", digest.s, &tags));
    assert_int_equal(2, tags.n);
}

/* By a program that sets one without pushing; the time of the link is all that tells it. */
static void set_late_by_touching(const struct store *store)
{
    const struct name name = unit_name("a");
    const struct tag v1 = unit_tag("v1"), late = unit_tag("late");
    AUTO_DIRTY dirty = {0};
    struct digest digest;

    assert_returns(1, tag_get(store, &name, &v1, &digest, &failure));
    assert_returns(1, repo_touch_revision(store, &name, &digest, &failure));
    assert_returns(0, tag_set(store, &name, &late, &digest, &dirty, &failure));
}

static void test_a_tag_set_by_touching_the_manifest_is_seen(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    struct layout_path path;
    AUTO_STRINGS tags = {0};

    unit_age(store->path, layout_revision(&path, &name, &digest), 3600);
    the_store = store;
    meanwhile = set_late_by_touching;
    locks_until = 0;
    assert_returns(0, remove_it(store, "a", digest.s, &tags));
    assert_true(strings_has(&tags, "late"));
    assert_string_equal("", tag_digest(store, "a", "late"));
}

static char referrer_text[256];

static void push_referrer(const struct store *store)
{
    have_manifest(store, "a", NULL, "%s", referrer_text);
}

/* Its entry is the new one's. */
static void test_a_referrer_that_is_pushed_again_stays_listed(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = have_image(store, "a", "v1", "mark");
    AUTO_STRINGS digests = {0};
    bool more;

    snprintf(referrer_text, sizeof referrer_text,
             "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":1}}", subject.s);
    const struct digest referrer = have_manifest(store, "a", NULL, "%s", referrer_text);
    the_store = store;
    meanwhile = push_referrer;
    locks_until = 1; /* the manifest's, then its entry's */
    assert_returns(0, remove_it(store, "a", referrer.s, NULL));
    assert_null(meanwhile);
    assert_returns(1, repo_has_revision(store, &name, &referrer, &failure));
    assert_returns(0, referrer_page(store, &name, &subject, NULL, 9, &digests, &more, &failure));
    assert_int_equal(1, digests.n);
}

/* Ten milliseconds and a tag, however many go. */
static void test_the_locks_are_held_for_moments(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    AUTO_STRINGS tags = {0};
    char path[80];

    for (int i = 0; i < 99; i++) {
        snprintf(path, sizeof path, "repositories/a/_manifests/tags/t%03d/current/link", i);
        unit_put(store->path, path, digest.s);
    }
    n_locks = 0;
    ms_per_look = 4;
    int result = remove_it(store, "a", digest.s, &tags);
    ms_per_look = 0;
    assert_int_equal(0, result);
    assert_int_equal(100, tags.n);
    assert_in_range(n_locks, 100 / 3, 100 / 2); /* for three tags each, and for the manifest */
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

static bool keeps_v(const void *context, const struct name *name, const struct tag *tag)
{
    (void)context;
    (void)name;
    return !tag || tag->s[0] == 'v';
}

static struct digest needed; /* by what is tagged meanwhile */

static void need_it(const struct store *store)
{
    have_manifest(store, "a", "v9",
                  "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
                  "\",\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
                  "\",\"size\":1,\"digest\":\"%s\"}]}",
                  needed.s);
}

static void set_another(const struct store *store)
{
    have_image(store, "a", "v8", "another");
}

/* Whether an immutable tag needs it is found out without the lock, again after each change. */
static void test_what_is_immutable_meanwhile(void **state)
{
    static void (*const all[])(const struct store *) = {need_it, set_another, NULL};
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct precondition none = {NULL, NULL};
    struct registry registry = *unit_registry(store);
    char path[80];

    registry.rules.keeps = keeps_v;
    the_store = store;
    const struct digest other = have_image(store, "a", "v0", "other");
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "repositories/a/_manifests/tags/v%03d/current/link", i);
        unit_put(store->path, path, other.s);
    }
    for (size_t i = 0; i < LENGTH_OF(all); i++) {
        needed = have_image(store, "a", NULL, "needed");
        const struct reference reference = reference_to(needed.s);
        meanwhile = all[i];
        locks_until = 1; /* the first one is to see whose turn it is */
        reads_locked = 0;
        int removed = remove_manifest(&registry, &name, &reference, none, NULL, &failure);
        assert_null(meanwhile);
        assert_returns(all[i] == need_it ? -1 : 0, removed);
        assert_returns(all[i] == need_it, repo_has_revision(store, &name, &needed, &failure));
        assert_true(reads_locked < 10);
        if (all[i] == need_it)
            assert_int_equal(0, remove_it(store, "a", "v9", NULL));
    }
}

static char child_text[512];

static void push_child(const struct store *store)
{
    have_manifest(store, "a", NULL, "%s", child_text);
}

/* A manifest that an immutable tag's index lacked, and that comes meanwhile, needs it. No tag is
 * set then. */
static void test_what_is_immutable_when_it_comes(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct registry registry = *unit_registry(store);
    char index[512];

    registry.rules.keeps = keeps_v;
    the_store = store;
    const struct digest blob = have_blob(store, "a", "configuration");
    snprintf(child_text, sizeof child_text,
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"config\":{\"mediaType\":\"x/y\",\"size\":1,\"digest\":\"%s\"},\"layers\":[]}",
             blob.s);
    snprintf(index, sizeof index,
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
             "\",\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"size\":1,\"digest\":\"%s\"}]}",
             unit_digest_of(child_text).s);
    put_manifest(store, "a", "v1", index);
    meanwhile = push_child;
    locks_until = 1;
    assert_fails(DENIED, remove_blob(&registry, &name, &blob, &failure));
    assert_null(meanwhile);
    assert_returns(1, repo_has_layer(store, &name, &blob, &failure));
}

/* Where tags are set all the while, at last nobody else is let in. */
static void set_another_and_again(const struct store *store)
{
    set_another(store);
    meanwhile = set_another_and_again;
    locks_until = 1;
}

static void test_what_is_immutable_is_known_at_last(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct precondition none = {NULL, NULL};
    struct registry registry = *unit_registry(store);

    registry.rules.keeps = keeps_v;
    the_store = store;
    const struct digest blob = have_blob(store, "a", "spare");
    const struct digest image = have_image(store, "a", NULL, "unneeded");
    const struct reference reference = reference_to(image.s);
    meanwhile = set_another_and_again;
    locks_until = 1;
    assert_returns(0, remove_manifest(&registry, &name, &reference, none, NULL, &failure));
    assert_non_null(meanwhile);
    locks_until = 1;
    assert_returns(0, remove_blob(&registry, &name, &blob, &failure));
    meanwhile = NULL;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_happens_meanwhile),
        STORE_TEST(test_what_others_moved_is_durable),
        STORE_TEST(test_a_tag_that_cannot_be_read_keeps_its_manifest),
        STORE_TEST(test_tags_that_went_before_a_failure_are_named),
        STORE_TEST(test_a_tag_set_by_touching_the_manifest_is_seen),
        STORE_TEST(test_a_referrer_that_is_pushed_again_stays_listed),
        STORE_TEST(test_the_locks_are_held_for_moments),
        STORE_TEST(test_who_is_pushed_all_the_while_is_busy),
        STORE_TEST(test_tags_are_searched_without_a_lock),
        STORE_TEST(test_what_is_immutable_meanwhile),
        STORE_TEST(test_what_is_immutable_when_it_comes),
        STORE_TEST(test_what_is_immutable_is_known_at_last),
    };

    return RUN(tests);
}
