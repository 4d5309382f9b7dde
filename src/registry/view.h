/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of a store: repositories, tags, an image, and who has how much, as commands and
 * pages print it. Takes no lock and writes nothing. Strings belong to the view, which is freed
 * whole; of a function that failed there is nothing to free.
 */
#ifndef BERTH_REGISTRY_VIEW_H
#define BERTH_REGISTRY_VIEW_H

#include "base/arena.h"
#include "registry/list.h"
#include "registry/pull.h"
#include "registry/usage.h"

struct view_repository {
    const char *name;
    int64_t tags;
};

struct view_repositories {
    struct view_repository *v;
    size_t n;
    struct strings names;
};

/* Those that list_repositories gives. */
int view_repositories(const struct registry *registry, struct page page,
                      struct view_repositories *view, bool *more, struct err *err);
void view_repositories_free(struct view_repositories *view);

struct view_tag {
    const char *tag;
    const char *digest; /* NULL: the tag's link is damaged, it points at nothing */
};

struct view_tags {
    const struct registry *registry;
    const struct name *name;
    struct names tags;
    struct digest digest; /* of the one that was looked at last */
};

/* Which there are, in byte order. NAME_UNKNOWN. */
int view_tags(const struct registry *registry, const struct name *name, struct view_tags *view,
              struct err *err);
/* Where the number i points at, read now: valid until the next is looked at. There may be very
 * many, so they are not kept. */
struct view_tag view_tags_one(struct view_tags *view, size_t i);
void view_tags_free(struct view_tags *view);

/* What a manifest refers to, or what refers to it. */
struct view_part {
    const char *role; /* "config", "layer", "manifest" or "referrer" */
    const char *digest;
    int64_t size;
    const char *media_type;
    const char *what; /* "linux/arm64/v8" of an index' entry, behind a ":" its os.version, if it has
                         one; a referrer's artifact type, of which the rest is left out where it is
                         long; "" */
    const struct json *json; /* the whole descriptor; NULL: of a referrer, as there may be many */
};

struct view_image {
    const char *name;
    const char *digest;
    const char *media_type;
    int64_t size;            /* of the manifest */
    int64_t total_size;      /* with all that it refers to directly */
    struct strings tags;     /* that point at it */
    const char *subject;     /* NULL: it has none */
    struct view_part *parts; /* in the manifest's order */
    size_t n_parts;
    struct view_part *referrers;
    size_t n_referrers;
    struct pulled_manifest pulled;
    struct arena texts;
};

/* MANIFEST_UNKNOWN; ERR_IO if it is damaged. */
int view_image(const struct registry *registry, const struct name *name,
               const struct reference *reference, struct view_image *view, struct err *err);
void view_image_free(struct view_image *view);

struct view_usage {
    struct usage store;         /* its sums are those of the whole store, */
    struct usage_repository *v; /* and its repositories, those first whose removal frees the most */
    size_t n;
};

/* As usage_measure. */
int view_usage(const struct registry *registry, bool whole, const struct progress *progress,
               struct view_usage *view, struct err *err);
void view_usage_free(struct view_usage *view);

#endif
