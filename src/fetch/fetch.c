/* SPDX-License-Identifier: Apache-2.0
 * L4: what the verbs of berth-fetch share. */
#include "fetch/fetch.h"

#include "cache/cache.h"
#include "cache/place.h"
#include "store/layout.h"

#include <string.h>

int fetch_unknown(const struct fetch *fetch, enum err_code code, struct err *err)
{
    mark_set(fetch->registry.store, MARK_MISSING, fetch->origin.upstream, fetch->key.s);
    return err_set(err, code, "%s has no %s of %s", fetch->origin.upstream->title, fetch->what,
                   fetch->origin.remote.s);
}

int fetch_keep_list(const struct fetch *fetch, const struct buf *text, struct err *err)
{
    const struct store *store = fetch->registry.store;
    const struct upstream *upstream = fetch->origin.upstream;
    struct layout_path tmp;
    struct place place;
    AUTO_DIRTY dirty = {0};

    if (fs_replace(&store->fs, layout_tmp(&tmp),
                   place_mark(&place, upstream, CACHE_LISTS, fetch->key.s), text->s, text->len,
                   &dirty, err) < 0)
        return -1;
    mark_clear(store, MARK_MISSING, upstream, fetch->key.s);
    mark_set(store, MARK_CHECKED, upstream, fetch->key.s);
    return 0;
}

int fetch_digest(const struct fetch *fetch, struct digest *digest, struct err *err)
{
    return digest_parse(digest, fetch->what, strlen(fetch->what), err);
}

int fetch_blame(const struct fetch *fetch, const struct err *failure, struct err *err)
{
    switch (failure->code) {
    case ERR_MANIFEST_INVALID:
    case ERR_MANIFEST_TOO_LARGE:
    case ERR_MANIFEST_BLOB_UNKNOWN:
    case ERR_DIGEST_INVALID:
    case ERR_SIZE_INVALID:
        return err_set(err, ERR_UPSTREAM_CONTENT, "%s: %s of %s: %s", fetch->origin.upstream->title,
                       fetch->what, fetch->origin.remote.s, failure->msg);
    default:
        return err_copy(err, failure);
    }
}
