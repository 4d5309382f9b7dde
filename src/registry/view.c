/* SPDX-License-Identifier: Apache-2.0
 * L3: what is shown of a store. */
#include "registry/view.h"

#include "base/array.h"
#include "store/tag.h"

#include <stdlib.h>
#include <string.h>

static int count_tags(const struct registry *registry, const char *text, int64_t *n,
                      struct err *err)
{
    AUTO_NAMES tags = {0};
    struct name name;

    if (name_parse(&name, text, strlen(text), err) < 0 ||
        list_all_tags(registry, &name, &tags, err) < 0)
        return -1;
    *n = (int64_t)tags.n;
    return 0;
}

int view_repositories(const struct registry *registry, struct page page,
                      struct view_repositories *view, bool *more, struct err *err)
{
    *view = (struct view_repositories){0};
    if (list_repositories(registry, page, &view->names, more, err) < 0)
        goto failed;
    for (size_t i = 0; i < view->names.n; i++) {
        struct view_repository *one = ARRAY_ADD(view->v, view->n);
        one->name = view->names.v[i];
        if (count_tags(registry, one->name, &one->tags, err) < 0)
            goto failed;
    }
    return 0;
failed:
    view_repositories_free(view);
    return -1;
}

void view_repositories_free(struct view_repositories *view)
{
    free(view->v);
    strings_free(&view->names);
    *view = (struct view_repositories){0};
}

int view_tags(const struct registry *registry, const struct name *name, struct view_tags *view,
              struct err *err)
{
    *view = (struct view_tags){.registry = registry, .name = name};
    return list_all_tags(registry, name, &view->tags, err);
}

struct view_tag view_tags_one(struct view_tags *view, size_t i)
{
    const char *text = names_get(&view->tags, i);
    struct view_tag one = {.tag = text};
    struct tag tag;

    if (tag_parse(&tag, text, strlen(text), NULL) == 0 &&
        tag_get(view->registry->store, view->name, &tag, &view->digest, NULL) > 0)
        one.digest = view->digest.s;
    return one;
}

void view_tags_free(struct view_tags *view)
{
    names_free(&view->tags);
}
