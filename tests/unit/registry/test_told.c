/* SPDX-License-Identifier: Apache-2.0
 * registry/: what each verb tells the observer. */
#include "unit/registry/content.h"

#include "registry/copy.h"
#include "registry/pull.h"
#include "registry/remove.h"
#include "registry/retain_run.h"
#include "store/layout.h"
#include "store/lock.h"

#include <stdio.h>

static struct buf heard;

/* One line for each: what, repository, [:tag], [@first digits of the digest], [size], [from]. */
static void hear(void *context, const struct event *event)
{
    assert_ptr_equal(&heard, context);
    assert_string_equal("alice", event->actor->user);
    buf_addf(&heard, "%s %s", event_name(event->what), event->repository->s);
    if (event->tag)
        buf_addf(&heard, ":%s", event->tag->s);
    if (event->digest)
        buf_addf(&heard, "@%.6s", digest_hex(event->digest));
    if (event->media_type)
        buf_addf(&heard, " %s", strrchr(event->media_type, '+') + 1);
    if (event->size >= 0)
        buf_addf(&heard, " %jd", (intmax_t)event->size);
    if (event->from)
        buf_addf(&heard, " from %s", event->from->s);
    buf_addc(&heard, '\n');
}

static const struct registry *heard_in(const struct store *store)
{
    static struct registry registry;

    registry = (struct registry){.store = store, .actor.user = "alice", .observer = {hear, &heard}};
    return &registry;
}

/* What was told since the last time. */
static void assert_heard(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void assert_heard(const char *fmt, ...)
{
    char expected[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    assert_string_equal(expected, heard.s ? heard.s : "");
    buf_clear(&heard);
}

static int forget(void **state)
{
    buf_free(&heard);
    return unit_store_remove(state);
}

static const char *short_of(const struct digest *digest)
{
    static char text[4][7];
    static size_t next;
    char *this = text[next++ % LENGTH_OF(text)];

    snprintf(this, sizeof *text, "%.6s", digest_hex(digest));
    return this;
}

static void test_blobs(void **state)
{
    struct store *store = *state;
    const struct registry *registry = heard_in(store);
    const struct name a = unit_name("a"), b = unit_name("b"), c = unit_name("c");
    const struct digest digest = unit_digest_of("content"), none = unit_digest_of("none");
    struct push_session session = session_in("a", "alice");
    struct pushed_blob pushed;
    struct text_body body = {"content", false}, wrong = {"wrong", false}, broken = {"con", true},
                     again = {"content", false}, other = {"other", false};
    int64_t offset;

    assert_returns(0, push_blob_start(registry, &session, DIGEST_SHA256, &failure));
    assert_fails(SIZE_INVALID, push_blob_chunk(registry, &session, ANYWHERE, body_of(&broken),
                                               &offset, &failure));
    assert_heard("%s", "");
    assert_returns(0, push_blob_finish(registry, &session, ANYWHERE, &digest, body_of(&body),
                                       &offset, &failure));
    assert_heard("blob-pushed a@%s 7\n", short_of(&digest));
    assert_fails(DIGEST_INVALID,
                 push_blob_whole(registry, &session, &digest, body_of(&wrong), &failure));
    assert_heard("%s", "");
    assert_returns(0, push_blob_whole(registry, &session, &digest, body_of(&again), &failure));
    assert_heard("blob-pushed a@%s 7\n", short_of(&digest)); /* who pushes again may need it */
    assert_returns(
        0, push_blob_new(registry, &session, DIGEST_SHA256, body_of(&other), &pushed, &failure));
    assert_heard("blob-pushed a@%s 5\n", short_of(&pushed.digest));
    assert_returns(0, push_blob_mount(registry, &b, &none, NULL, &failure));
    assert_returns(0, push_blob_mount(registry, &b, &digest, &c, &failure));
    assert_returns(0, push_blob_link(registry, &b, &digest, 8, &failure));
    assert_heard("%s", "");
    assert_returns(1, push_blob_mount(registry, &b, &digest, NULL, &failure));
    assert_heard("blob-mounted b@%s 7 from a\n", short_of(&digest));
    assert_returns(1, push_blob_link(registry, &c, &digest, 7, &failure));
    assert_heard("blob-mounted c@%s 7\n", short_of(&digest));
    assert_returns(0, remove_blob(registry, &a, &digest, &failure));
    assert_heard("blob-deleted a@%s\n", short_of(&digest));
    assert_fails(BLOB_UNKNOWN, remove_blob(registry, &a, &digest, &failure));
    store->lock_timeout_ms = 0;
    AUTO_LOCK gc = {-1};
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &gc, &failure));
    assert_fails(BUSY, push_blob_mount(registry, &a, &digest, &b, &failure));
    assert_fails(BUSY, remove_blob(registry, &b, &digest, &failure));
    assert_heard("%s", "");
}

#define EMPTY "{\"schemaVersion\":2}"
#define MARKED(mark) "{\"schemaVersion\":2,\"annotations\":{\"mark\":\"" mark "\"}}"

static int push(const struct registry *registry, const char *reference, const char *text,
                struct digest *digest)
{
    const struct tag tags[] = {unit_tag("t1"), unit_tag("t2")};
    struct push_manifest push = {.name = unit_name("a"),
                                 .reference = reference_to(reference),
                                 .tags = tags,
                                 .bytes = text,
                                 .len = strlen(text)};
    struct pushed_manifest pushed;

    push.n_tags = push.reference.is_digest ? LENGTH_OF(tags) : 0;
    int result = push_manifest(registry, &push, &pushed, &failure);
    *digest = pushed.digest;
    return result;
}

static void test_manifests_and_tags(void **state)
{
    const struct store *store = *state;
    const struct registry *registry = heard_in(store);
    const struct name a = unit_name("a");
    const struct reference v1 = reference_to("v1"), v2 = reference_to("v2");
    const struct precondition none = {0};
    struct digest digest, other;
    struct reference by_digest = {.is_digest = true};

    assert_returns(0, push(registry, "v1", EMPTY, &digest));
    assert_heard("manifest-pushed a@%s json 19\ntag-pushed a:v1@%s json 19\n", short_of(&digest),
                 short_of(&digest));
    other = unit_digest_of(MARKED("1"));
    assert_returns(0, push(registry, other.s, MARKED("1"), &other));
    assert_heard("manifest-pushed a@%s json 46\ntag-pushed a:t1@%s json 46\n"
                 "tag-pushed a:t2@%s json 46\n",
                 short_of(&other), short_of(&other), short_of(&other));
    assert_returns(0, push(registry, "v1", MARKED("1"), &other)); /* moved */
    assert_heard("manifest-pushed a@%s json 46\ntag-pushed a:v1@%s json 46\n", short_of(&other),
                 short_of(&other));
    assert_fails(MANIFEST_INVALID, push(registry, "v1", "{}", &digest));
    assert_fails(MANIFEST_UNKNOWN, remove_manifest(registry, &a, &v2, none, NULL, &failure));
    assert_heard("%s", "");
    assert_returns(0, remove_manifest(registry, &a, &v1, none, NULL, &failure));
    assert_heard("tag-deleted a:v1@%s\n", short_of(&other));
    by_digest.digest = other;
    assert_returns(0, remove_manifest(registry, &a, &by_digest, none, NULL, &failure));
    assert_heard("tag-deleted a:t1@%s\ntag-deleted a:t2@%s\nmanifest-deleted a@%s\n",
                 short_of(&other), short_of(&other), short_of(&other));
    unit_put(store->path, "repositories/a/_manifests/tags/v2/current/link", "damaged");
    assert_returns(0, remove_manifest(registry, &a, &v2, none, NULL, &failure));
    assert_heard("tag-deleted a:v2\n");
}

/* The entry among the referrers cannot go, but the manifest has gone. */
static void test_what_was_done_of_a_failure(void **state)
{
    const struct store *store = *state;
    const struct registry *registry = heard_in(store);
    const struct name a = unit_name("a");
    struct reference by_digest = {.is_digest = true};

    by_digest.digest = have_manifest(
        store, "a", "sig", "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":1}}",
        unit_digest_of("x").s);
    unit_break(store->path, "repositories/a/_referrers");
    assert_fails(
        IO, remove_manifest(registry, &a, &by_digest, (struct precondition){0}, NULL, &failure));
    assert_heard("tag-deleted a:sig@%s\nmanifest-deleted a@%s\n", short_of(&by_digest.digest),
                 short_of(&by_digest.digest));
}

static void test_a_repository(void **state)
{
    const struct store *store = *state;
    const struct registry *registry = heard_in(store);
    const struct name a = unit_name("a");
    size_t busy;

    have_image(store, "a", "v1", "mark");
    assert_heard("%s", "");
    assert_returns(0, remove_repository(registry, &a, &busy, &failure));
    assert_heard("repository-deleted a\n");
    assert_fails(NAME_UNKNOWN, remove_repository(registry, &a, &busy, &failure));
    assert_heard("%s", "");
}

/* Each once, although the top is stored before its tag is set. */
static void test_a_copy(void **state)
{
    const struct store *store = *state;
    const struct tag tag = unit_tag("v2");
    const struct digest image = have_image(store, "a", "v1", "mark"), config = unit_digest_of("{}");
    struct copy copy = {.from = unit_name("a"), .to = unit_name("b"), .digest = image, .tag = &tag};

    assert_returns(0, copy_manifest(heard_in(store), &copy, &failure));
    assert_heard("blob-mounted b@%s 2 from a\nmanifest-pushed b@%s json 190\n"
                 "tag-pushed b:v2@%s json 190\n",
                 short_of(&config), short_of(&image), short_of(&image));
    copy.to = unit_name("a");
    assert_returns(0, copy_manifest(heard_in(store), &copy, &failure));
    assert_heard("tag-pushed a:v2@%s json 190\n", short_of(&image));
}

static void test_retention(void **state)
{
    const struct store *store = *state;
    const struct name a = unit_name("a");
    struct retain_section section = {.pattern = (char[]){"**"}, .newest = 1};
    struct retain_run run = {.section = &section, .untagged = 0};
    struct layout_path path;
    AUTO_HISTORY history = {0};
    AUTO_HISTORY rest = {0};
    const struct digest old = have_image(store, "a", "v1", "old");

    have_image(store, "a", "v2", "new");
    unit_age(store->path, layout_tag_current(&path, &a, &(struct tag){"v1"}), 1000000);
    assert_returns(0, retain_run(heard_in(store), &run, &a, &history, &failure));
    assert_heard("tag-deleted a:v1@%s\n", short_of(&old));
    unit_age(store->path, layout_revision(&path, &a, &old), 1000000);
    assert_returns(0, retain_run(heard_in(store), &run, &a, &rest, &failure));
    assert_heard("manifest-deleted a@%s\n", short_of(&old));
}

#define TOLD(test) cmocka_unit_test_setup_teardown(test, unit_store_make, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TOLD(test_blobs),
        TOLD(test_manifests_and_tags),
        TOLD(test_what_was_done_of_a_failure),
        TOLD(test_a_repository),
        TOLD(test_a_copy),
        TOLD(test_retention),
    };

    return RUN(tests);
}
