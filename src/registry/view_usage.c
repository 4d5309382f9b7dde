/* SPDX-License-Identifier: Apache-2.0
 * L3: what is shown of who has how much. */
#include "registry/view.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct usage_repository *left = a, *right = b;

    if (left->own.bytes != right->own.bytes)
        return left->own.bytes < right->own.bytes ? 1 : -1;
    if (left->shared.bytes != right->shared.bytes)
        return left->shared.bytes < right->shared.bytes ? 1 : -1;
    return strcmp(left->name, right->name);
}

int view_usage(const struct registry *registry, bool whole, const struct progress *progress,
               struct view_usage *view, struct err *err)
{
    *view = (struct view_usage){0};
    if (usage_measure(registry, whole, progress, &view->store, err) < 0)
        return -1;
    view->v = view->store.repositories;
    view->n = view->store.n;
    for (size_t i = 0; i < view->n; i++) {
        struct usage_repository *one = &view->v[i];
        one->total =
            (struct amount){one->own.n + one->shared.n, one->own.bytes + one->shared.bytes};
    }
    if (view->n)
        qsort(view->v, view->n, sizeof *view->v, compare);
    return 0;
}

void view_usage_free(struct view_usage *view)
{
    usage_free(&view->store);
    *view = (struct view_usage){0};
}
