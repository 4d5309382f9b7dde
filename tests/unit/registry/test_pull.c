/* SPDX-License-Identifier: Apache-2.0
 * registry/pull.c */
#include "unit/registry/content.h"

#include "registry/pull.h"
#include "registry/pulled.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int pull(const struct store *store, const char *repository, const char *reference,
                struct pulled_manifest *pulled)
{
    const struct name name = unit_name(repository);
    const struct reference parsed = reference_to(reference);

    return pull_read(unit_registry(store), &name, &parsed, pulled, &failure);
}

static void test_blob_of_the_repository(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = have_blob(store, "a", "content"), none = unit_digest_of("none");
    AUTO_FD fd = -1;
    int64_t size;
    char bytes[8] = "";

    assert_returns(0,
                   pull_blob(unit_registry(store), &name, &digest, PULL_GET, &fd, &size, &failure));
    assert_int_equal(7, size);
    assert_int_equal(7, read(fd, bytes, sizeof bytes));
    assert_string_equal("content", bytes);
    file_close(&fd);
    assert_fails(BLOB_UNKNOWN,
                 pull_blob(unit_registry(store), &name, &none, PULL_GET, &fd, &size, &failure));
    assert_fails(BLOB_UNKNOWN,
                 pull_blob(unit_registry(store), &other, &digest, PULL_GET, &fd, &size, &failure));
    struct layout_path path;
    unit_delete(store->path, layout_blob(&path, &digest));
    assert_fails(BLOB_UNKNOWN,
                 pull_blob(unit_registry(store), &name, &digest, PULL_GET, &fd, &size, &failure));
}

static void test_manifest_by_tag_and_digest(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const char *references[] = {"v1", digest.s};
    struct layout_path path;

    char *stored = unit_get(store->path, layout_blob(&path, &digest));
    for (size_t i = 0; i < LENGTH_OF(references); i++) {
        AUTO_PULLED pulled = {0};
        assert_returns(0, pull(store, "a", references[i], &pulled));
        assert_string_equal(digest.s, pulled.digest.s);
        assert_string_equal(stored, pulled.bytes.s);
        assert_int_equal(strlen(stored), pulled.bytes.len);
        assert_string_equal(MEDIA_TYPE_OCI_MANIFEST, pulled.manifest.media_type);
    }
    free(stored);
}

static void test_unknown_manifests(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark"), none = unit_digest_of("x");
    struct pulled_manifest pulled;

    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", "v2", &pulled));
    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", none.s, &pulled));
    assert_fails(MANIFEST_UNKNOWN, pull(store, "b", "v1", &pulled));
    assert_fails(MANIFEST_UNKNOWN, pull(store, "b", digest.s, &pulled));
    assert_null(pulled.bytes.s); /* nothing is left to free */
    assert_null(pulled.manifest.json);
}

static void test_lost_and_damaged_manifests(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    struct pulled_manifest pulled;
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &digest), "{\"schemaVersion\":2}");
    assert_fails(IO, pull(store, "a", "v1", &pulled));
    unit_delete(store->path, path.s);
    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", "v1", &pulled));
    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", digest.s, &pulled));
}

/* Distribution's first versions kept manifests among the layers; real layers are none. */
static void test_manifests_among_the_layers(void **state)
{
    const struct store *store = *state;
    const struct digest manifest = have_blob(store, "a", "{\"schemaVersion\":2}");
    const struct digest layer = have_blob(store, "a", "a layer");
    AUTO_PULLED pulled = {0};

    assert_returns(0, pull(store, "a", manifest.s, &pulled));
    pull_free(&pulled);
    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", layer.s, &pulled));
}

static void make_long(const struct store *store, const struct digest *digest, off_t size)
{
    struct layout_path path;
    char absolute[2000];

    snprintf(absolute, sizeof absolute, "%s/%s", store->path, layout_blob(&path, digest));
    assert_int_equal(0, truncate(absolute, size));
}

/* It is not read: it would be found to be damaged. */
static void test_what_is_too_large_is_no_manifest(void **state)
{
    const struct store *store = *state;
    const struct digest digest = have_image(store, "a", "v1", "mark");
    struct pulled_manifest pulled;

    make_long(store, &digest, store->manifest_limit + 1);
    assert_fails(MANIFEST_TOO_LARGE, pull(store, "a", "v1", &pulled));
    assert_fails(MANIFEST_TOO_LARGE, pull(store, "a", digest.s, &pulled));
    make_long(store, &digest, store->manifest_limit);
    assert_fails(IO, pull(store, "a", "v1", &pulled));

    const struct digest layer = have_blob(store, "a", "{\"schemaVersion\":2,\"layers\":[]}");
    assert_returns(0, pull(store, "a", layer.s, &pulled));
    pull_free(&pulled);
    make_long(store, &layer, store->manifest_limit + 1);
    assert_fails(MANIFEST_UNKNOWN, pull(store, "a", layer.s, &pulled));
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    const struct digest blob = have_blob(store, "a", "content");
    struct pulled_manifest pulled;
    struct layout_path path;
    int64_t size;
    int fd;

    unit_break(store->path, layout_blob(&path, &digest));
    assert_fails(IO, pull(store, "a", "v1", &pulled));
    unit_break(store->path, layout_blob_dir(&path, &blob));
    assert_fails(IO, pull_blob(unit_registry(store), &name, &blob, PULL_GET, &fd, &size, &failure));
    unit_break(store->path, "repositories/a/_layers");
    assert_fails(IO, pull_blob(unit_registry(store), &name, &blob, PULL_GET, &fd, &size, &failure));
    unit_break(store->path, "repositories/a/_manifests");
    assert_fails(IO, pull(store, "a", "v1", &pulled));
    assert_fails(IO, pull(store, "a", digest.s, &pulled));
}

static void test_resolve(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark"), none = unit_digest_of("x");
    struct reference by_tag = reference_to("v1"), no_tag = reference_to("v2");
    struct reference by_digest = reference_to(digest.s), no_digest = reference_to(none.s);
    struct digest found;

    assert_returns(1, pull_resolve(unit_registry(store), &name, &by_tag, &found, &failure));
    assert_string_equal(digest.s, found.s);
    assert_returns(1, pull_resolve(unit_registry(store), &name, &by_digest, &found, &failure));
    assert_string_equal(digest.s, found.s);
    assert_returns(0, pull_resolve(unit_registry(store), &name, &no_tag, &found, &failure));
    assert_returns(0, pull_resolve(unit_registry(store), &name, &no_digest, &found, &failure));
    unit_put(store->path, "repositories/a/_manifests/tags/v2/current/link", "damaged");
    assert_fails(IO, pull_resolve(unit_registry(store), &name, &no_tag, &found, &failure));
}

static void test_takes_no_lock(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest digest = have_image(store, "a", "v1", "mark");
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    AUTO_PULLED pulled = {0};

    (void)digest;
    store->lock_timeout_ms = 0;
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &gc, &failure));
    assert_returns(0, lock_repo(store, &name, &repo, &failure));
    assert_returns(0, pull(store, "a", "v1", &pulled));
}

static bool never(const void *context, const struct name *name)
{
    (void)context;
    (void)name;
    return false;
}

static bool always(const void *context, const struct name *name)
{
    return !never(context, name);
}

/* A HEAD by whoever may push keeps the collector away, a GET and anybody else's HEAD write nothing.
 */
static void test_a_head_is_a_promise(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest blob = have_blob(store, "a", "content");
    const struct digest image = have_image(store, "a", "v1", "mark");
    const struct reference by_digest = reference_to(image.s);
    const long old = 100 * 24 * 3600;
    struct registry reader = {.store = store, .rules.may_push = never};
    struct registry writer = {.store = store, .rules.may_push = always};
    struct layout_path layer, revision;
    struct pulled_manifest pulled;
    int64_t size;
    int fd;

    unit_age(store->path, layout_layer(&layer, &name, &blob), old);
    unit_age(store->path, layout_revision(&revision, &name, &image), old);
    assert_returns(0, pull_blob(&reader, &name, &blob, PULL_HEAD, &fd, &size, &failure));
    close(fd);
    assert_returns(0, pull_blob(&writer, &name, &blob, PULL_GET, &fd, &size, &failure));
    close(fd);
    assert_returns(0, pull_manifest(&reader, &name, &by_digest, PULL_HEAD, &pulled, &failure));
    pull_free(&pulled);
    assert_returns(0, pull_manifest(&writer, &name, &by_digest, PULL_GET, &pulled, &failure));
    pull_free(&pulled);
    assert_true(unit_age_of(store->path, layer.s) >= old);
    assert_true(unit_age_of(store->path, revision.s) >= old);
    assert_returns(0, pull_blob(&writer, &name, &blob, PULL_HEAD, &fd, &size, &failure));
    close(fd);
    assert_returns(0, pull_manifest(&writer, &name, &by_digest, PULL_HEAD, &pulled, &failure));
    pull_free(&pulled);
    assert_true(unit_age_of(store->path, layer.s) < 100);
    assert_true(unit_age_of(store->path, revision.s) < 100);
}

/* Pulls by tag, where the rules want to know, and not what is only read here. */
static void test_pulls_are_recorded(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest image = have_image(store, "a", "v1", "mark");
    const struct reference references[] = {reference_to("v1"), reference_to(image.s),
                                           reference_to("v1"), reference_to("v2")};
    struct registry registry = {.store = store};
    struct pulled_manifest pulled;
    int64_t when;

    assert_returns(1, pulled_begin(store, &name, &failure));
    for (size_t i = 0; i < LENGTH_OF(references); i++) {
        if (pull_manifest(&registry, &name, &references[i], PULL_GET, &pulled, NULL) == 0)
            pull_free(&pulled);
        registry.rules.records_pulls = i == 1 ? never : always;
        assert_returns(0, pulled_time(store, &name, &tag, &when, &failure));
    }
    assert_returns(0, pull_read(&registry, &name, &references[0], &pulled, &failure));
    pull_free(&pulled);
    assert_returns(0, pulled_time(store, &name, &tag, &when, &failure));
    assert_returns(0,
                   pull_manifest(&registry, &name, &references[0], PULL_HEAD, &pulled, &failure));
    pull_free(&pulled);
    assert_returns(1, pulled_time(store, &name, &tag, &when, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_blob_of_the_repository),
        STORE_TEST(test_manifest_by_tag_and_digest),
        STORE_TEST(test_unknown_manifests),
        STORE_TEST(test_lost_and_damaged_manifests),
        STORE_TEST(test_manifests_among_the_layers),
        STORE_TEST(test_what_is_too_large_is_no_manifest),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_resolve),
        STORE_TEST(test_takes_no_lock),
        STORE_TEST(test_a_head_is_a_promise),
        STORE_TEST(test_pulls_are_recorded),
    };

    return RUN(tests);
}
