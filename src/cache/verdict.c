/* SPDX-License-Identifier: Apache-2.0
 * L3: what a pull would come to. */
#include "cache/verdict.h"

#include "cache/cache.h"
#include "cache/mark.h"
#include "store/blob.h"
#include "store/repo.h"

#include <string.h>

static bool exists(const void *context, const struct name *name)
{
    return repo_exists(context, name, NULL) > 0;
}

static int look(const struct store *store, const struct reference *reference,
                struct cache_verdict *verdict, struct err *err)
{
    const struct registry registry = {.store = store};
    int64_t size;

    int found = pull_resolve(&registry, &verdict->name, reference, &verdict->digest, err);
    if (found > 0)
        found = blob_stat(store, &verdict->digest, &size, err);
    verdict->has = found > 0;
    return found < 0 ? -1 : 0;
}

static enum verdict_next judge(const struct store *store, const struct reference *reference,
                               struct cache_verdict *verdict)
{
    const struct upstream *upstream = verdict->origin.upstream;
    struct mark_key key;

    mark_key(&key, "manifest", verdict->name.s, reference_text(reference));
    verdict->age = mark_age(store, MARK_CHECKED, upstream, key.s);
    verdict->pause = mark_blocked(store, upstream, &verdict->why);
    if (!upstream_serves(&verdict->origin))
        return VERDICT_EXCLUDED;
    if (verdict->has &&
        (reference->is_digest || upstream_is_immutable(upstream, &reference->tag) ||
         mark_is_fresh(store, MARK_CHECKED, upstream, key.s, upstream_revalidate(upstream))))
        return VERDICT_HERE;
    if (mark_is_fresh(store, MARK_MISSING, upstream, key.s, CACHE_MISSING_SECONDS))
        return VERDICT_UNKNOWN;
    return verdict->pause ? VERDICT_PAUSED : VERDICT_ASKED;
}

int verdict_of(const struct store *store, const struct upstream_settings *upstreams,
               const struct name *name, const struct reference *reference,
               struct cache_verdict *verdict, struct err *err)
{
    *verdict = (struct cache_verdict){.name = *name, .age = -1};
    if (upstream_resolve(upstreams, NULL, NULL, exists, store, &verdict->name, err) < 0 ||
        look(store, reference, verdict, err) < 0)
        return -1;
    if (upstream_find(upstreams, &verdict->name, &verdict->origin))
        verdict->next = judge(store, reference, verdict);
    return 0;
}
