/* SPDX-License-Identifier: Apache-2.0
 *
 * Content for the tests of the verbs, put into a store by the verbs themselves.
 */
#ifndef BERTH_UNIT_REGISTRY_CONTENT_H
#define BERTH_UNIT_REGISTRY_CONTENT_H

#include "unit/unit.h"

#include "oci/reference.h"
#include "registry/push_blob.h"
#include "registry/push_manifest.h"

/* A body that hands out text in pieces of three bytes, and may break off at its end. */
struct text_body {
    const char *text;
    bool breaks;
};
struct push_body body_of(struct text_body *body);

#define ANYWHERE ((struct push_range){-1, -1})

/* A registry over this store where everything is permitted. Valid until the next. */
const struct registry *unit_registry(const struct store *store);

struct push_session session_in(const char *repository, const char *user);
struct reference reference_to(const char *text);

/* Pushes a blob; its digest. */
struct digest have_blob(const struct store *store, const char *repository, const char *content);

/* Pushes a manifest; its digest. The text is made of printf's format. The sizes in it may be any.
 */
struct digest have_manifest(const struct store *store, const char *repository,
                            const char *reference, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int push_text(const struct store *store, const char *repository, const char *reference,
              const char *text, struct pushed_manifest *pushed);

/* An image without layers, told from others by a mark; its digest. reference NULL: by digest. */
struct digest have_image(const struct store *store, const char *repository, const char *reference,
                         const char *mark);

/* Puts a manifest past all checks, as another program did; its digest. */
struct digest put_manifest(const struct store *store, const char *repository, const char *tag,
                           const char *text);

/* Digests of the tag's manifest, or "" if there is none. */
const char *tag_digest(const struct store *store, const char *repository, const char *tag);

#endif
