/* SPDX-License-Identifier: Apache-2.0
 * registry/immutable.c, and how remove.c asks it */
#include "unit/registry/content.h"

#include "registry/immutable.h"
#include "registry/remove.h"
#include "store/layout.h"
#include "store/repo.h"

#include <string.h>

#define INDEX(children)                                                                            \
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":[" children "]" \
    "}"
#define CHILD "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\",\"size\":1,\"digest\":\"%s\"}"
#define IMAGE                                                                                      \
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"type/config\",\"digest\":\"%s\",\"size\":2}" \
    ",\"layers\":[{\"mediaType\":\"type/layer\",\"digest\":\"%s\",\"size\":5}]}"

/* Tags like v1 are immutable, but they can be moved: only what they need is asked about here. */
static bool keeps(const void *context, const struct name *name, const struct tag *tag)
{
    (void)context;
    (void)name;
    return !tag || tag->s[0] == 'v';
}

static struct registry keeping(const struct store *store)
{
    struct registry registry = *unit_registry(store);

    registry.rules.keeps = keeps;
    return registry;
}

/* An index of an image and of an index of another one with a layer. */
struct release {
    struct digest index, image, nested, deep, config, layer;
};

static struct release have_release(const struct store *store, const char *tag)
{
    struct release release = {.layer = have_blob(store, "a", "layer")};

    release.config = have_blob(store, "a", "{}");
    release.image = have_image(store, "a", NULL, "image");
    release.deep = have_manifest(store, "a", NULL, IMAGE, release.config.s, release.layer.s);
    release.nested = have_manifest(store, "a", NULL, INDEX(CHILD), release.deep.s);
    release.index =
        have_manifest(store, "a", tag, INDEX(CHILD "," CHILD), release.image.s, release.nested.s);
    return release;
}

static int remove_manifest_of(const struct registry *registry, const struct digest *digest)
{
    const struct name name = unit_name("a");
    const struct reference reference = reference_to(digest->s);

    return remove_manifest(registry, &name, &reference, (struct precondition){NULL, NULL}, NULL,
                           &failure);
}

static void test_18_what_an_immutable_tag_needs_stays(void **state)
{
    const struct store *store = *state;
    const struct registry registry = keeping(store);
    const struct name name = unit_name("a");
    const struct release release = have_release(store, "v1");
    const struct digest *const manifests[] = {&release.image, &release.nested, &release.deep};
    const struct digest *const blobs[] = {&release.config, &release.layer};

    for (size_t i = 0; i < LENGTH_OF(manifests); i++) {
        assert_fails(DENIED, remove_manifest_of(&registry, manifests[i]));
        assert_non_null(strstr(failure.msg, "the immutable tag v1 needs sha256:"));
        assert_returns(1, repo_has_revision(store, &name, manifests[i], &failure));
    }
    for (size_t i = 0; i < LENGTH_OF(blobs); i++) {
        assert_fails(DENIED, remove_blob(&registry, &name, blobs[i], &failure));
        assert_non_null(strstr(failure.msg, "the immutable tag v1 needs sha256:"));
        assert_returns(1, repo_has_layer(store, &name, blobs[i], &failure));
    }
    /* Where it stays without its tag, too, that is the rules' affair. */
    assert_returns(0, remove_manifest_of(&registry, &release.index));
    assert_returns(0, remove_manifest_of(&registry, &release.image));
    assert_returns(0, remove_blob(&registry, &name, &release.layer, &failure));
}

static void test_18_what_others_need_does_not(void **state)
{
    const struct store *store = *state;
    const struct registry registry = keeping(store);
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct release release = have_release(store, "latest");
    const struct digest blob = have_blob(store, "a", "other");

    have_image(store, "a", "v1", "other");
    unit_put(store->path, "repositories/a/_manifests/tags/v2/current/link", "damaged");
    have_blob(store, "b", "layer");
    assert_returns(0, remove_blob(&registry, &name, &blob, &failure));
    assert_returns(0, remove_blob(&registry, &name, &release.layer, &failure));
    assert_returns(0, remove_blob(&registry, &other, &release.layer, &failure));
    assert_returns(0, remove_manifest_of(&registry, &release.image));
    assert_returns(0, remove_manifest_of(&registry, &release.nested));
    assert_fails(DENIED, remove_blob(&registry, &name, &release.config, &failure));
}

/* What a tag reaches is known although something on the way is missing, and what has come meanwhile
 * is seen by the second look. */
static void test_18_what_is_missing_hides_nothing(void **state)
{
    const struct store *store = *state;
    const struct registry registry = keeping(store);
    const struct name name = unit_name("a");
    const struct digest layer = have_blob(store, "a", "layer"), spare = have_blob(store, "a", "x");
    const struct digest config = have_blob(store, "a", "{}");
    AUTO_BUF text = BUF_INIT;
    AUTO_IMMUTABLE immutable = {0};

    buf_addf(&text, IMAGE, config.s, layer.s);
    const struct digest late = unit_digest_of(text.s);
    const struct digest image = have_manifest(store, "a", NULL, IMAGE, config.s, spare.s);
    buf_clear(&text);
    buf_addf(&text, INDEX(CHILD "," CHILD), image.s, late.s);
    put_manifest(store, "a", "v1", text.s);
    assert_fails(DENIED, remove_blob(&registry, &name, &spare, &failure));
    assert_returns(0, immutable_check(&immutable, &registry, &name, &layer, &failure));
    have_manifest(store, "a", NULL, IMAGE, config.s, layer.s);
    assert_fails(DENIED, immutable_check(&immutable, &registry, &name, &layer, &failure));
}

/* A child that looks like a manifest and is larger than any may be was pushed as a layer
 * (BuildKit's cache), and has no part in what else can be deleted. */
static void test_6_a_large_layer_as_a_child(void **state)
{
    struct store *store = *state;
    const struct registry registry = keeping(store);
    const struct name name = unit_name("a");
    const struct digest other = have_blob(store, "a", "other");
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text, "{\"x\":\"%0900d\"}", 0);
    const struct digest layer = have_blob(store, "a", text.s);
    buf_clear(&text);
    buf_addf(&text, INDEX(CHILD), layer.s);
    put_manifest(store, "a", "v1", text.s);
    store->manifest_limit = 600;
    assert_fails(DENIED, remove_blob(&registry, &name, &layer, &failure));
    assert_returns(0, remove_blob(&registry, &name, &other, &failure));
}

/* The second look reads tags, and what came since. */
static void test_18_a_second_look_is_quick(void **state)
{
    const struct store *store = *state;
    const struct registry registry = keeping(store);
    const struct name name = unit_name("a");
    const struct release release = have_release(store, "v1");
    const struct digest blob = have_blob(store, "a", "other");
    AUTO_IMMUTABLE immutable = {0};
    struct layout_path path;

    assert_returns(0, immutable_check(&immutable, &registry, &name, &blob, &failure));
    unit_put(store->path, layout_blob(&path, &release.index), "nobody reads it again");
    assert_returns(0, immutable_check(&immutable, &registry, &name, &blob, &failure));
    have_manifest(store, "a", "v2", IMAGE, release.config.s, blob.s);
    assert_fails(DENIED, immutable_check(&immutable, &registry, &name, &blob, &failure));
    assert_non_null(strstr(failure.msg, "the immutable tag v2 needs"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_18_what_an_immutable_tag_needs_stays),
        STORE_TEST(test_18_what_others_need_does_not),
        STORE_TEST(test_18_what_is_missing_hides_nothing),
        STORE_TEST(test_6_a_large_layer_as_a_child),
        STORE_TEST(test_18_a_second_look_is_quick),
    };

    return RUN(tests);
}
