/* SPDX-License-Identifier: Apache-2.0
 * Content for the tests of the verbs. */
#include "unit/registry/content.h"

#include "store/layout.h"
#include "store/tag.h"

#include <stdio.h>
#include <stdlib.h>

static ssize_t read_text(void *from, void *bytes, size_t len, struct err *err)
{
    struct text_body *body = from;
    size_t n = strlen(body->text);

    n = n > 3 ? 3 : n;
    if (n == 0 && body->breaks)
        return err_set(err, ERR_SIZE_INVALID, "the body broke off");
    assert_true(n <= len);
    memcpy(bytes, body->text, n);
    body->text += n;
    return (ssize_t)n;
}

struct push_body body_of(struct text_body *body)
{
    return (struct push_body){read_text, body};
}

const struct registry *unit_registry(const struct store *store)
{
    static struct registry registry;

    registry = (struct registry){.store = store};
    return &registry;
}

struct push_session session_in(const char *repository, const char *user)
{
    return (struct push_session){.name = unit_name(repository), .user = user};
}

struct reference reference_to(const char *text)
{
    struct reference reference;

    assert_returns(0, reference_parse(&reference, text, strlen(text), &failure));
    return reference;
}

struct digest have_blob(const struct store *store, const char *repository, const char *content)
{
    struct push_session session = session_in(repository, "");
    struct text_body body = {content, false};
    struct digest digest = unit_digest_of(content);

    assert_returns(
        0, push_blob_whole(unit_registry(store), &session, &digest, body_of(&body), &failure));
    return digest;
}

static int push(const struct store *store, const char *repository, const char *reference,
                const char *text, bool is_stored, struct pushed_manifest *pushed)
{
    struct push_manifest push = {
        .name = unit_name(repository),
        .reference = reference_to(reference),
        .bytes = text,
        .len = strlen(text),
        .is_stored = is_stored,
    };

    return push_manifest(unit_registry(store), &push, pushed, &failure);
}

int push_text(const struct store *store, const char *repository, const char *reference,
              const char *text, struct pushed_manifest *pushed)
{
    return push(store, repository, reference, text, false, pushed);
}

struct digest have_manifest(const struct store *store, const char *repository,
                            const char *reference, const char *fmt, ...)
{
    struct pushed_manifest pushed;
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert_true(len < (int)sizeof text);
    if (!reference) {
        struct digest digest = unit_digest_of(text);
        assert_returns(0, push(store, repository, digest.s, text, true, &pushed));
    } else {
        assert_returns(0, push(store, repository, reference, text, true, &pushed));
    }
    return pushed.digest;
}

struct digest have_image(const struct store *store, const char *repository, const char *reference,
                         const char *mark)
{
    struct digest config = have_blob(store, repository, "{}");

    return have_manifest(store, repository, reference,
                         "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"type/config\","
                         "\"digest\":\"%s\",\"size\":2},\"layers\":[],"
                         "\"annotations\":{\"mark\":\"%s\"}}",
                         config.s, mark);
}

struct digest put_manifest(const struct store *store, const char *repository, const char *tag,
                           const char *text)
{
    const struct name name = unit_name(repository);
    const struct digest digest = unit_digest_of(text);
    const struct tag parsed = unit_tag(tag);
    struct layout_path path;

    unit_put(store->path, layout_blob(&path, &digest), text);
    unit_put(store->path, layout_revision(&path, &name, &digest), digest.s);
    unit_put(store->path, layout_tag_current(&path, &name, &parsed), digest.s);
    unit_put(store->path, layout_tag_index(&path, &name, &parsed, &digest), digest.s);
    return digest;
}

const char *tag_digest(const struct store *store, const char *repository, const char *tag)
{
    static struct digest digest;
    const struct name name = unit_name(repository);
    const struct tag parsed = unit_tag(tag);

    return tag_get(store, &name, &parsed, &digest, &failure) > 0 ? digest.s : "";
}
