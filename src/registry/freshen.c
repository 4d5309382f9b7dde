/* SPDX-License-Identifier: Apache-2.0
 * L3: keeping the collector away from what somebody relies on. */
#include "registry/freshen.h"

#include "oci/digest_map.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/lock.h"
#include "store/repo.h"

#define DEPTH_MAX 32 /* of indexes in indexes */

int freshen_blob(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct err *err)
{
    int linked = repo_freshen_layer(registry->store, name, digest, err);

    return linked > 0 ? blob_freshen(registry->store, digest, err) : linked;
}

/* seen: each manifest is looked at once, or else indexes that name the same child twice, one above
 * the other, would take 2^depth looks. */
static int freshen_below(const struct registry *registry, const struct name *name,
                         const struct digest *digest, struct digest_map *seen, int depth,
                         struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    AUTO_BUF bytes = BUF_INIT;

    if (digest_map_get(seen, digest))
        return 1;
    int found = repo_freshen_revision(registry->store, name, digest, err);
    if (found == 0) /* where Distribution's first versions kept manifests */
        found = repo_freshen_layer(registry->store, name, digest, err);
    if (found > 0)
        found = blob_freshen(registry->store, digest, err);
    if (found > 0)
        digest_map_put(seen, digest);
    if (found <= 0 || depth == DEPTH_MAX ||
        blob_read_manifest(registry->store, digest, &bytes, NULL) <= 0 ||
        manifest_parse(&manifest, bytes.s, bytes.len, NULL) < 0)
        return found;
    for (size_t i = 0; i < manifest.n_references; i++) {
        const struct descriptor *reference = &manifest.references[i];
        int needed = reference->role == DESCRIPTOR_CHILD
                         ? freshen_below(registry, name, &reference->digest, seen, depth + 1, err)
                         : freshen_blob(registry, name, &reference->digest, err);
        if (needed < 0)
            return -1;
    }
    return 1;
}

int freshen_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *digest, struct err *err)
{
    AUTO_DIGEST_MAP seen = {0};

    return freshen_below(registry, name, digest, &seen, 0, err);
}

int freshen_promise_blob(const struct registry *registry, const struct name *name,
                         const struct digest *digest, struct err *err)
{
    AUTO_LOCK gc = {-1};

    int stale = repo_layer_is_stale(registry->store, name, digest, err);
    if (stale == 0)
        stale = blob_is_stale(registry->store, digest, err);
    if (stale <= 0)
        return stale < 0 ? -1 : 1;
    return lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0
               ? -1
               : freshen_blob(registry, name, digest, err);
}

/* What a young link reaches is young enough. */
int freshen_promise_manifest(const struct registry *registry, const struct name *name,
                             const struct digest *digest, struct err *err)
{
    AUTO_LOCK gc = {-1};

    int stale = repo_revision_is_stale(registry->store, name, digest, err);
    if (stale <= 0)
        return stale < 0 ? -1 : 1;
    return lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0
               ? -1
               : freshen_manifest(registry, name, digest, err);
}
