/* SPDX-License-Identifier: Apache-2.0
 * registry/push_manifest.c */
#include "unit/registry/content.h"

#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "unit/trace.h"

#include <stdio.h>

#define V2 "\"schemaVersion\":2"

static void test_by_tag(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    static const char text[] = "{ " V2 " ,\n\"layers\":[]}\n";
    struct pushed_manifest pushed;
    struct layout_path path;

    assert_returns(0, push_text(store, "a", "v1", text, &pushed));
    struct digest expected = unit_digest_of(text);
    assert_string_equal(expected.s, pushed.digest.s);
    assert_false(pushed.has_subject);
    assert_content(text, store->path, layout_blob(&path, &pushed.digest)); /* as it came */
    assert_returns(1, repo_has_revision(store, &name, &pushed.digest, &failure));
    assert_string_equal(expected.s, tag_digest(store, "a", "v1"));
    const struct tag tag = unit_tag("v1");
    assert_content(expected.s, store->path, layout_tag_index(&path, &name, &tag, &pushed.digest));
}

static void test_by_digest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    static const char text[] = "{" V2 "}";
    const struct digest a = unit_digest_of(text), b = unit_digest(DIGEST_SHA512, text);
    const struct digest wrong = unit_digest_of("x");
    struct pushed_manifest pushed;

    assert_fails(DIGEST_INVALID, push_text(store, "a", wrong.s, text, &pushed));
    assert_returns(0, push_text(store, "a", b.s, text, &pushed));
    assert_string_equal(b.s, pushed.digest.s);
    assert_returns(1, repo_has_revision(store, &name, &b, &failure));
    assert_returns(0, repo_has_revision(store, &name, &a, &failure));
    assert_false(unit_exists(store->path, "repositories/a/_manifests/tags"));
}

static void test_tag_parameters(void **state)
{
    const struct store *store = *state;
    static const char text[] = "{" V2 "}";
    const struct digest digest = unit_digest(DIGEST_SHA512, text);
    const struct tag tags[] = {unit_tag("v1"), unit_tag("v1.2"), unit_tag("latest")};
    struct push_manifest push = {
        .name = unit_name("a"),
        .reference = reference_to(digest.s),
        .tags = tags,
        .n_tags = LENGTH_OF(tags),
        .bytes = text,
        .len = strlen(text),
    };
    struct pushed_manifest pushed;

    assert_returns(0, push_manifest(unit_registry(store), &push, &pushed, &failure));
    for (size_t i = 0; i < LENGTH_OF(tags); i++)
        assert_string_equal(digest.s, tag_digest(store, "a", tags[i].s));
}

/* Issue 10, item 37: a long one is in a file, and is not read into memory. */
static void test_37_from_a_file(void **state)
{
    const struct store *store = *state;
    struct layout_path path;
    struct pushed_manifest pushed;
    AUTO_BUF text = BUF_INIT;
    AUTO_FD fd = -1;

    buf_addstr(&text, "{" V2 ",\"annotations\":{\"a\":\"");
    for (int i = 0; i < 100000; i++)
        buf_addstr(&text, "long");
    buf_addstr(&text, "\"}}");
    const struct digest digest = unit_digest_of(text.s);
    struct push_manifest push = {
        .name = unit_name("a"), .reference = reference_to("v1"), .len = text.len};
    assert_returns(0, store_scratch(store, &fd, &failure));
    assert_returns(0, file_pwrite_all(fd, text.s, text.len, 0, &failure));
    push.fd = fd;
    assert_returns(0, push_manifest(unit_registry(store), &push, &pushed, &failure));
    assert_string_equal(digest.s, tag_digest(store, "a", "v1"));
    assert_content(text.s, store->path, layout_blob(&path, &digest));

    push.reference = reference_to(unit_digest_of("x").s);
    assert_fails(DIGEST_INVALID, push_manifest(unit_registry(store), &push, &pushed, &failure));
    push.reference = reference_to("v2");
    push.len--;
    assert_fails(MANIFEST_INVALID, push_manifest(unit_registry(store), &push, &pushed, &failure));
    push.len += 2; /* more than there is */
    assert_fails(IO, push_manifest(unit_registry(store), &push, &pushed, &failure));
    assert_string_equal("", tag_digest(store, "a", "v2"));
}

static void test_a_tag_moves(void **state)
{
    const struct store *store = *state;
    const struct digest first = have_image(store, "a", "v1", "first");
    const struct digest second = have_image(store, "a", "v1", "second");
    const struct name name = unit_name("a");

    assert_string_equal(second.s, tag_digest(store, "a", "v1"));
    assert_returns(1, repo_has_revision(store, &name, &first, &failure)); /* still there */
}

static void test_what_is_no_manifest_leaves_nothing(void **state)
{
    static const char *const texts[] = {"", "{}", "[" V2 "]",
                                        "{" V2 ",\"layers\":[],\"manifests\":[]}"};
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct pushed_manifest pushed;

    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_fails(MANIFEST_INVALID, push_text(store, "a", "v1", texts[i], &pushed));
    assert_returns(0, repo_exists(store, &name, &failure));
    assert_int_equal(0, unit_count(store->path, "blobs"));
}

static void test_content_type(void **state)
{
    const struct store *store = *state;
    struct pushed_manifest pushed;
    struct push_manifest push = {
        .name = unit_name("a"),
        .reference = reference_to("v1"),
        .bytes = "{" V2 "}",
        .len = strlen("{" V2 "}"),
        .content_type = MEDIA_TYPE_OCI_INDEX,
    };

    assert_fails(MANIFEST_INVALID, push_manifest(unit_registry(store), &push, &pushed, &failure));
    push.content_type = MEDIA_TYPE_OCI_MANIFEST;
    assert_returns(0, push_manifest(unit_registry(store), &push, &pushed, &failure));
}

/* Pushes a manifest that refers to one thing. */
static int push_referring(const struct store *store, const char *fmt, const struct digest *digest)
{
    struct pushed_manifest pushed;
    char text[1000], descriptor[300];
    const char *percent = strchr(fmt, '%');
    int64_t size = 1;

    blob_stat(store, digest, &size, NULL);
    snprintf(descriptor, sizeof descriptor, "\"digest\":\"%s\",\"size\":%jd", digest->s,
             (intmax_t)size);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(percent - fmt), fmt, descriptor, percent + 2);
    return push_text(store, "a", "v1", text, &pushed);
}

#define CONFIG_OF "{" V2 ",\"config\":{%s}}"
#define LAYER_OF "{" V2 ",\"layers\":[{%s}]}"
#define FOREIGN_LAYER_OF "{" V2 ",\"layers\":[{%s,\"urls\":[\"https://example.org/x\"]}]}"
#define CHILD_OF "{" V2 ",\"manifests\":[{%s}]}"

static void test_what_it_refers_to_must_be_there(void **state)
{
    const struct store *store = *state;
    const struct digest missing = unit_digest_of("missing"), other = have_blob(store, "b", "other");
    const struct digest blob = have_blob(store, "a", "blob");
    const struct digest image = have_image(store, "a", NULL, "image");
    const struct digest foreign = have_image(store, "b", NULL, "foreign");
    static const char *const users[] = {CONFIG_OF, LAYER_OF, CHILD_OF};

    for (size_t i = 0; i < LENGTH_OF(users); i++) {
        assert_fails(MANIFEST_BLOB_UNKNOWN, push_referring(store, users[i], &missing));
        assert_fails(MANIFEST_BLOB_UNKNOWN, push_referring(store, users[i], &other));
        assert_fails(MANIFEST_BLOB_UNKNOWN, push_referring(store, users[i], &foreign));
        assert_string_equal("", tag_digest(store, "a", "v1"));
        assert_returns(0, push_referring(store, users[i], &blob));
        const struct name name = unit_name("a");
        const struct tag tag = unit_tag("v1");
        struct layout_path path;
        unit_delete(store->path, layout_tag(&path, &name, &tag));
    }
    assert_returns(0, push_referring(store, CHILD_OF, &image));
    assert_fails(MANIFEST_BLOB_UNKNOWN, push_referring(store, LAYER_OF, &image));
    assert_returns(0, push_referring(store, FOREIGN_LAYER_OF, &missing));
}

static int push_sized(const struct store *store, const char *reference, const struct digest *layer,
                      int64_t size, struct pushed_manifest *pushed)
{
    char text[400];

    snprintf(text, sizeof text, "{" V2 ",\"layers\":[{\"digest\":\"%s\",\"size\":%jd}]}", layer->s,
             (intmax_t)size);
    return push_text(store, "a", reference, text, pushed);
}

/* Issue 10, item 4: who says so would make fsck red and export fail. */
static void test_4_sizes_must_be_right(void **state)
{
    const struct store *store = *state;
    const struct digest blob = have_blob(store, "a", "blob");
    struct pushed_manifest pushed;

    assert_fails(MANIFEST_INVALID, push_sized(store, "v1", &blob, 5, &pushed));
    assert_non_null(strstr(failure.msg, "5 bytes, but it has 4"));
    assert_string_equal("", tag_digest(store, "a", "v1"));
    assert_returns(0, push_sized(store, "v1", &blob, 4, &pushed));
}

/* Item 5: what a power cut emptied is not there, so that a push heals it. */
static void test_5_a_blob_without_its_bytes_is_missing(void **state)
{
    const struct store *store = *state;
    const struct digest blob = have_blob(store, "a", "blob"), empty = have_blob(store, "a", "");
    struct pushed_manifest pushed;
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &blob), "");
    assert_fails(MANIFEST_BLOB_UNKNOWN, push_sized(store, "v1", &blob, 4, &pushed));
    assert_int_equal(1, pushed.missing.n);
    have_blob(store, "a", "blob");
    assert_returns(0, push_sized(store, "v1", &blob, 4, &pushed));
    assert_returns(0, push_sized(store, "v2", &empty, 0, &pushed));
}

/* Item 39: a client learns of all that it has to push. */
static void test_39_all_that_is_missing_is_said(void **state)
{
    const struct store *store = *state;
    struct pushed_manifest pushed;
    AUTO_BUF text = BUF_INIT;
    char content[30];

    buf_addstr(&text, "{" V2 ",\"layers\":[");
    for (int i = 0; i < 2 * 20; i++) {
        snprintf(content, sizeof content, "missing %d", i / 2);
        buf_addf(&text, "%s{\"digest\":\"%s\",\"size\":9}", i ? "," : "",
                 unit_digest_of(content).s);
    }
    buf_addstr(&text, "]}");
    assert_fails(MANIFEST_BLOB_UNKNOWN, push_text(store, "a", "v1", text.s, &pushed));
    assert_int_equal(FRESHEN_MISSING_MAX, pushed.missing.n);
    assert_string_equal(unit_digest_of("missing 0").s, pushed.missing.v[0].s);
    assert_string_equal(unit_digest_of("missing 1").s, pushed.missing.v[1].s);
}

/* An index of the one before, each with its size. */
static int push_deeper(const struct store *store, struct pushed_manifest *pushed, size_t *len)
{
    struct digest digest;
    char text[400];

    snprintf(text, sizeof text, "{" V2 ",\"manifests\":[{\"digest\":\"%s\",\"size\":%zu}]}",
             pushed->digest.s, *len);
    *len = strlen(text);
    digest = unit_digest_of(text);
    return push_text(store, "a", digest.s, text, pushed);
}

static void test_indexes_are_nested_so_deep_and_no_deeper(void **state)
{
    const struct store *store = *state;
    static const char image[] = "{" V2 ",\"layers\":[]}";
    struct pushed_manifest pushed, deepest;
    size_t len = strlen(image);

    assert_returns(0, push_text(store, "a", "v1", image, &pushed));
    for (int i = 0; i < MANIFEST_NESTING_MAX; i++)
        assert_returns(0, push_deeper(store, &pushed, &len));
    deepest = pushed;
    assert_fails(MANIFEST_INVALID, push_deeper(store, &deepest, &len));
    assert_non_null(strstr(failure.msg, "deep"));
}

int __real_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
static int looks;

int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err)
{
    looks++;
    return __real_repo_freshen_layer(store, name, digest, err);
}

/* Item 7: N times the same child with N times the same layer took N * N looks. */
static void test_7_each_is_looked_at_once(void **state)
{
    enum { TIMES = 2000 };
    const struct store *store = *state;
    const struct digest layer = have_blob(store, "a", "layer");
    struct pushed_manifest pushed;
    AUTO_BUF child = BUF_INIT;
    AUTO_BUF index = BUF_INIT;

    buf_addstr(&child, "{" V2 ",\"layers\":[");
    for (int i = 0; i < TIMES; i++)
        buf_addf(&child, "%s{\"digest\":\"%s\",\"size\":5}", i ? "," : "", layer.s);
    buf_addstr(&child, "]}");
    assert_returns(0, push_text(store, "a", "child", child.s, &pushed));
    buf_addstr(&index, "{" V2 ",\"manifests\":[");
    for (int i = 0; i < TIMES; i++)
        buf_addf(&index, "%s{\"digest\":\"%s\",\"size\":%zu}", i ? "," : "", pushed.digest.s,
                 child.len);
    buf_addstr(&index, "]}");
    looks = 0;
    assert_returns(0, push_text(store, "a", "v1", index.s, &pushed));
    assert_int_equal(1, looks);
}

static void test_a_link_without_its_blob_is_not_enough(void **state)
{
    const struct store *store = *state;
    const struct digest blob = have_blob(store, "a", "blob");
    struct layout_path path;

    unit_delete(store->path, layout_blob(&path, &blob));
    assert_fails(MANIFEST_BLOB_UNKNOWN, push_referring(store, LAYER_OF, &blob));
}

static void test_what_it_refers_to_is_freshened(void **state)
{
    const struct store *store = *state;
    const struct digest blob = have_blob(store, "a", "blob");
    struct layout_path path;

    unit_age(store->path, layout_blob(&path, &blob), 5000);
    assert_returns(0, push_referring(store, LAYER_OF, &blob));
    assert_true(unit_age_of(store->path, path.s) < 100);
}

static void test_subject(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest subject = unit_digest_of("never pushed");
    struct pushed_manifest pushed;
    AUTO_BUF descriptor = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;
    char text[500];

    snprintf(text, sizeof text,
             "{" V2 ",\"artifactType\":\"type/x\",\"subject\":{\"digest\":\"%s\",\"size\":9}}",
             subject.s);
    assert_returns(0, push_text(store, "a", "sig", text, &pushed));
    assert_true(pushed.has_subject);
    assert_string_equal(subject.s, pushed.subject.s);
    assert_returns(1, referrer_read(store, &name, &subject, &pushed.digest, &descriptor, &failure));
    buf_addf(&expected,
             "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":%zu,\"artifactType\":\"type/x\"}",
             pushed.digest.s, strlen(text));
    assert_string_equal(expected.s, descriptor.s);
}

struct wanted {
    const char *digest; /* NULL: the tag must not be there */
    bool asked;
};

static bool holds(const void *context, const struct digest *current)
{
    struct wanted *wanted = (struct wanted *)context;

    wanted->asked = true;
    return current ? wanted->digest && !strcmp(wanted->digest, current->s) : !wanted->digest;
}

static int push_if(const struct store *store, const char *reference, const char *text,
                   struct wanted *wanted)
{
    struct pushed_manifest pushed;
    struct push_manifest push = {
        .name = unit_name("a"),
        .reference = reference_to(reference),
        .bytes = text,
        .len = strlen(text),
        .precondition = {holds, wanted},
    };
    int result = push_manifest(unit_registry(store), &push, &pushed, &failure);

    assert_true(wanted->asked);
    return result;
}

static void test_precondition_is_of_the_tag_as_it_stands(void **state)
{
    const struct store *store = *state;
    static const char first[] = "{" V2 "}", second[] = "{" V2 ",\"layers\":[]}";
    const struct digest a = unit_digest_of(first), b = unit_digest_of(second);
    struct wanted nothing = {NULL, false}, wants_a = {a.s, false}, wants_b = {b.s, false};

    assert_fails(PRECONDITION, push_if(store, "v1", first, &wants_a));
    assert_returns(0, push_if(store, "v1", first, &nothing));
    assert_fails(PRECONDITION, push_if(store, "v1", second, &nothing));
    assert_fails(PRECONDITION, push_if(store, "v1", second, &wants_b));
    assert_string_equal(a.s, tag_digest(store, "a", "v1"));
    assert_returns(0, push_if(store, "v1", second, &wants_a));
    assert_string_equal(b.s, tag_digest(store, "a", "v1"));
    /* Of a digest: whether the manifest is there. */
    assert_fails(PRECONDITION, push_if(store, a.s, first, &nothing));
    assert_returns(0, push_if(store, a.s, first, &wants_a));
}

static void test_waits_for_the_repository_and_the_sweeper(void **state)
{
    struct store *store = *state;
    const struct name name = unit_name("a");
    struct pushed_manifest pushed;

    store->lock_timeout_ms = 50;
    {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_repo(store, &name, &lock, &failure));
        assert_fails(BUSY, push_text(store, "a", "v1", "{" V2 "}", &pushed));
    }
    {
        AUTO_LOCK lock = {-1};
        assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &lock, &failure));
        assert_fails(BUSY, push_text(store, "a", "v1", "{" V2 "}", &pushed));
    }
    assert_returns(0, repo_exists(store, &name, &failure));
    assert_returns(0, push_text(store, "a", "v1", "{" V2 "}", &pushed));
}

static void test_waits_for_no_writer_of_another_repository(void **state)
{
    struct store *store = *state;
    struct pushed_manifest pushed;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    const struct name other = unit_name("library/alpine");

    assert_returns(0, lock_gc(store, FS_LOCK_SHARED, &gc, &failure));
    assert_returns(0, lock_repo(store, &other, &repo, &failure));
    store->lock_timeout_ms = 0;
    assert_returns(0, push_text(store, "a", "v1", "{" V2 "}", &pushed));
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct digest blob = have_blob(store, "a", "blob");
    struct wanted nothing = {NULL, false};
    struct pushed_manifest pushed;

    unit_break(store->path, "repositories/a/_manifests/tags");
    assert_fails(IO, push_text(store, "a", "v1", "{" V2 "}", &pushed));
    nothing.asked = true; /* it cannot be */
    assert_fails(IO, push_if(store, "v1", "{" V2 "}", &nothing));
    unit_break(store->path, "repositories/a/_layers");
    assert_fails(IO, push_referring(store, LAYER_OF, &blob));
    assert_fails(IO, push_referring(store, FOREIGN_LAYER_OF, &blob));
}

/* Blob, referrer and tag index, then the revision, then the tag: each durable before the next. */
static void test_what_is_acknowledged_is_durable_in_order(void **state)
{
    struct store *store = *state;
    const struct digest subject = unit_digest_of("subject");
    char text[500];
    struct pushed_manifest pushed;

    snprintf(text, sizeof text, "{" V2 ",\"subject\":{\"digest\":\"%s\",\"size\":9}}", subject.s);
    store->fs.durable = true;
    trace_start(store->path);
    assert_returns(0, push_text(store, "a", "v1", text, &pushed));
    trace_stop();
    trace_assert_durable();
    char revision[100], referrer[100], revision_link[110], index_link[110];
    snprintf(revision, sizeof revision, "revisions/sha256/%s", digest_hex(&pushed.digest));
    snprintf(revision_link, sizeof revision_link, "%s/link", revision);
    snprintf(index_link, sizeof index_link, "v1/index/sha256/%s/link", digest_hex(&pushed.digest));
    snprintf(referrer, sizeof referrer, "%s/sha256", digest_hex(&subject));
    int blob = trace_rename_to("/data", -1);
    int blob_synced = trace_fsync(digest_hex(&pushed.digest), blob);
    int referred = trace_rename_to(digest_hex(&pushed.digest), blob);
    int referrer_synced = trace_fsync(referrer, referred);
    int indexed = trace_rename_to(index_link, -1);
    int index_synced = trace_fsync("v1/index/sha256", indexed);
    int linked = trace_rename_to(revision_link, -1);
    int link_synced = trace_fsync(revision, linked);
    int current = trace_rename_to("v1/current/link", -1);
    assert_true(blob >= 0 && blob_synced > blob);
    assert_true(referred > blob && referrer_synced > referred);
    assert_true(indexed > blob && index_synced > indexed);
    assert_true(linked > blob_synced && linked > referrer_synced);
    assert_true(link_synced > linked && current > link_synced && current > index_synced);
    assert_true(trace_fsync("v1/current", current) > current);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_by_tag),
        STORE_TEST(test_by_digest),
        STORE_TEST(test_tag_parameters),
        STORE_TEST(test_37_from_a_file),
        STORE_TEST(test_a_tag_moves),
        STORE_TEST(test_what_is_no_manifest_leaves_nothing),
        STORE_TEST(test_content_type),
        STORE_TEST(test_what_it_refers_to_must_be_there),
        STORE_TEST(test_4_sizes_must_be_right),
        STORE_TEST(test_5_a_blob_without_its_bytes_is_missing),
        STORE_TEST(test_39_all_that_is_missing_is_said),
        STORE_TEST(test_indexes_are_nested_so_deep_and_no_deeper),
        STORE_TEST(test_7_each_is_looked_at_once),
        STORE_TEST(test_a_link_without_its_blob_is_not_enough),
        STORE_TEST(test_what_it_refers_to_is_freshened),
        STORE_TEST(test_subject),
        STORE_TEST(test_precondition_is_of_the_tag_as_it_stands),
        STORE_TEST(test_waits_for_the_repository_and_the_sweeper),
        STORE_TEST(test_waits_for_no_writer_of_another_repository),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_what_is_acknowledged_is_durable_in_order),
    };

    return RUN(tests);
}
