/* SPDX-License-Identifier: Apache-2.0
 * L3: the list of all that the store has. */
#include "registry/list.h"

#include "oci/digest_map.h"
#include "store/blob.h"
#include "store/repo.h"

struct search {
    const struct registry *registry;
    struct digest_map linked;
    list_visit_digest_fn *visit;
    void *context;
    bool stopped;
};

static int visit_link(void *context, const struct digest *digest, struct err *err)
{
    struct search *search = context;

    (void)err;
    digest_map_put(&search->linked, digest);
    return 0;
}

static int visit_repository(void *context, const struct name *name, struct err *err)
{
    struct search *search = context;

    return repo_each_digest(search->registry->store, name, visit_link, search, err);
}

/* What no repository has, the collector may take at any time. */
static int visit_blob(void *context, const struct digest *digest, int64_t size, struct err *err)
{
    struct search *search = context;

    (void)size;
    if (!digest_map_get(&search->linked, digest))
        return 0;
    int stop = search->visit(search->context, digest, err);
    search->stopped = stop != 0;
    return stop;
}

int list_digests(const struct registry *registry, list_visit_digest_fn *visit, void *context,
                 struct err *err)
{
    struct search search = {.registry = registry, .visit = visit, .context = context};

    int result = repo_walk(registry->store, NULL, visit_repository, &search, err);
    for (int i = 0; i < DIGEST_ALGORITHMS && result == 0 && !search.stopped; i++)
        result = blob_walk(registry->store, (enum digest_algorithm)i, visit_blob, &search, err);
    digest_map_free(&search.linked);
    return result;
}
