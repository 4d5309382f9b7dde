/* SPDX-License-Identifier: Apache-2.0
 * L3: what is shown of a store. */
#include "registry/view.h"

#include "base/array.h"
#include "store/tag.h"

#include <stdlib.h>
#include <string.h>

static const char *keep(struct arena *texts, const char *text)
{
    return arena_strndup(texts, text, strlen(text));
}

static int count_tags(const struct registry *registry, const char *text, int64_t *n,
                      struct err *err)
{
    const struct page everything = {NULL, INT64_MAX};
    AUTO_STRINGS tags = {0};
    struct name name;
    bool more;

    if (name_parse(&name, text, strlen(text), err) < 0 ||
        list_tags(registry, &name, everything, &tags, &more, err) < 0)
        return -1;
    *n = (int64_t)tags.n;
    return 0;
}

int view_repositories(const struct registry *registry, struct page page,
                      struct view_repositories *view, bool *more, struct err *err)
{
    AUTO_STRINGS names = {0};

    *view = (struct view_repositories){0};
    if (list_repositories(registry, page, &names, more, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        int64_t tags;
        if (count_tags(registry, names.v[i], &tags, err) < 0) {
            view_repositories_free(view);
            return -1;
        }
        *ARRAY_ADD(view->v, view->n) =
            (struct view_repository){keep(&view->texts, names.v[i]), tags};
    }
    return 0;
}

void view_repositories_free(struct view_repositories *view)
{
    free(view->v);
    arena_free(&view->texts);
    *view = (struct view_repositories){0};
}

int view_tags(const struct registry *registry, const struct name *name, struct page page,
              struct view_tags *view, bool *more, struct err *err)
{
    AUTO_STRINGS tags = {0};

    *view = (struct view_tags){0};
    if (list_tags(registry, name, page, &tags, more, err) < 0)
        return -1;
    for (size_t i = 0; i < tags.n; i++) {
        struct tag tag;
        struct digest digest;
        bool known = tag_parse(&tag, tags.v[i], strlen(tags.v[i]), NULL) == 0 &&
                     tag_get(registry->store, name, &tag, &digest, NULL) > 0;
        *ARRAY_ADD(view->v, view->n) = (struct view_tag){
            keep(&view->texts, tags.v[i]), known ? keep(&view->texts, digest.s) : NULL};
    }
    return 0;
}

void view_tags_free(struct view_tags *view)
{
    free(view->v);
    arena_free(&view->texts);
    *view = (struct view_tags){0};
}
