/* SPDX-License-Identifier: Apache-2.0
 * registry/push_manifest.c: what others do in the repository meanwhile. */
#include "unit/registry/content.h"

#include "store/blob.h"
#include "store/repo.h"

#include <stdio.h>

#define V2 "\"schemaVersion\":2"

/* A DELETE that took the lock before the push did, which had looked already. */
struct meddler {
    const struct store *store;
    struct digest digest;
    bool is_child;
    int asked;
};

static bool deletes(const void *context, const struct digest *current)
{
    struct meddler *meddler = (struct meddler *)context;
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};

    (void)current;
    if (++meddler->asked == 2 && meddler->is_child)
        assert_returns(
            1, repo_unlink_revision(meddler->store, &name, &meddler->digest, &dirty, &failure));
    else if (meddler->asked == 2)
        assert_returns(
            1, repo_unlink_layer(meddler->store, &name, &meddler->digest, &dirty, &failure));
    return true;
}

/* Issue 10, item 18: it saw no tag that needs this, and the tag, which may be immutable, would be
 * broken when it is made. */
static void test_18_what_goes_before_the_lock_is_missed(void **state)
{
    const struct store *store = *state;
    const struct meddler meddlers[] = {
        {.store = store, .digest = have_blob(store, "a", "layer")},
        {.store = store, .digest = have_image(store, "a", NULL, "image"), .is_child = true}};

    for (size_t i = 0; i < LENGTH_OF(meddlers); i++) {
        struct meddler meddler = meddlers[i];
        struct pushed_manifest pushed;
        int64_t size;
        AUTO_BUF text = BUF_INIT;
        assert_returns(1, blob_stat(store, &meddler.digest, &size, &failure));
        buf_addf(&text, "{" V2 ",\"%s\":[{\"digest\":\"%s\",\"size\":%jd}]}",
                 meddler.is_child ? "manifests" : "layers", meddler.digest.s, (intmax_t)size);
        struct push_manifest push = {
            .name = unit_name("a"),
            .reference = reference_to("v1"),
            .bytes = text.s,
            .len = text.len,
            .precondition = {deletes, &meddler},
        };
        assert_fails(MANIFEST_BLOB_UNKNOWN,
                     push_manifest(unit_registry(store), &push, &pushed, &failure));
        assert_int_equal(2, meddler.asked);
        assert_int_equal(1, pushed.missing.n);
        assert_string_equal(meddler.digest.s, pushed.missing.v[0].s);
        assert_string_equal("", tag_digest(store, "a", "v1"));
        assert_returns(0, repo_has_revision(store, &push.name, &pushed.digest, &failure));
    }
}

int __real_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
int __real_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err);
int __wrap_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err);
int __real_blob_freshen(const struct store *store, const struct digest *digest, struct err *err);
int __wrap_blob_freshen(const struct store *store, const struct digest *digest, struct err *err);

static bool others_push; /* each time that something is freshened */
static int pushes;

static void push_meanwhile(const struct store *store)
{
    struct pushed_manifest pushed;

    if (!others_push)
        return;
    others_push = false;
    assert_returns(0, push_text(store, "a", "other", "{" V2 "}", &pushed));
    pushes++;
    others_push = true;
}

int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_repo_freshen_layer(store, name, digest, err);
}

int __wrap_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_repo_freshen_revision(store, name, digest, err);
}

int __wrap_blob_freshen(const struct store *store, const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_blob_freshen(store, digest, err);
}

/* Issue 10, item 7: a manifest that names a lot takes long to freshen, and nobody who pushes there
 * waits for it, or is told to come back. */
static void test_7_others_push_while_one_freshens(void **state)
{
    enum { LAYERS = 40 };
    struct store *store = *state;
    const struct digest child = have_image(store, "a", NULL, "image");
    struct pushed_manifest pushed;
    AUTO_BUF image = BUF_INIT, index = BUF_INIT;
    int64_t size;

    for (int i = 0; i < LAYERS; i++) {
        char text[8];
        snprintf(text, sizeof text, "%07d", i);
        const struct digest layer = have_blob(store, "a", text);
        buf_addf(&image, "%s{\"digest\":\"%s\",\"size\":7}", i ? "," : "{" V2 ",\"layers\":[",
                 layer.s);
    }
    buf_addstr(&image, "]}");
    assert_returns(1, blob_stat(store, &child, &size, &failure));
    buf_addf(&index, "{" V2 ",\"manifests\":[{\"digest\":\"%s\",\"size\":%jd}]}", child.s,
             (intmax_t)size);
    store->lock_timeout_ms = 0;
    others_push = true;
    assert_returns(0, push_text(store, "a", "v1", image.s, &pushed));
    assert_int_equal(2 * LAYERS, pushes);
    assert_returns(0, push_text(store, "a", "v2", index.s, &pushed));
    assert_true(pushes > 2 * LAYERS);
    others_push = false;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_18_what_goes_before_the_lock_is_missed),
        STORE_TEST(test_7_others_push_while_one_freshens),
    };

    return RUN(tests);
}
