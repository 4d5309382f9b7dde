/* SPDX-License-Identifier: Apache-2.0
 * L4: whether an upstream has a blob for a repository. */
#include "fetch/fetch.h"

#include "registry/push_blob.h"
#include "store/blob.h"
#include "store/repo.h"

int fetch_confirm(struct fetch *fetch, struct buf *text, struct err *err)
{
    const struct store *store = fetch->registry.store;
    struct digest digest;
    AUTO_DIRTY dirty = {0};
    int64_t there, here;

    if (fetch_digest(fetch, &digest, err) < 0)
        return -1;
    int found = remote_blob_head(fetch->remote, &fetch->origin.remote, &digest, &there, err);
    if (found == 0)
        return fetch_unknown(fetch, ERR_BLOB_UNKNOWN, err);
    if (found > 0)
        found = blob_stat(store, &digest, &here, err);
    if (found > 0 && (repo_create(store, &fetch->name, &dirty, err) < 0 ||
                      dirty_sync(&store->fs, &dirty, err) < 0 ||
                      push_blob_link(&fetch->registry, &fetch->name, &digest, here, err) < 0))
        found = -1;
    if (found < 0)
        return -1;
    buf_addf(text, "%jd", (intmax_t)there);
    return 0;
}
