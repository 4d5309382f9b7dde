/* SPDX-License-Identifier: Apache-2.0
 * L3: pulling blobs and manifests. */
#include "registry/pull.h"

#include "store/blob.h"
#include "store/repo.h"
#include "store/tag.h"

int pull_blob(const struct store *store, const struct name *name, const struct digest *digest,
              int *fd, int64_t *size, struct err *err)
{
    int found = repo_has_layer(store, name, digest, err);

    if (found > 0)
        found = blob_open(store, digest, fd, size, err);
    if (found == 0)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", digest->s, name->s);
    return found < 0 ? -1 : 0;
}

void pulled_manifest_free(struct pulled_manifest *pulled)
{
    manifest_free(&pulled->manifest);
    buf_free(&pulled->bytes);
}

int pull_resolve(const struct store *store, const struct name *name,
                 const struct reference *reference, struct digest *digest, struct err *err)
{
    if (!reference->is_digest)
        return tag_get(store, name, &reference->tag, digest, err);
    *digest = reference->digest;
    int found = repo_has_revision(store, name, digest, err);
    /* Distribution resolves manifests among the layers too, where its first versions kept them. */
    return found ? found : repo_has_layer(store, name, digest, err);
}

int pull_manifest(const struct store *store, const struct name *name,
                  const struct reference *reference, struct pulled_manifest *pulled,
                  struct err *err)
{
    *pulled = (struct pulled_manifest){0};
    int found = pull_resolve(store, name, reference, &pulled->digest, err);
    if (found > 0)
        found = blob_read_manifest(store, &pulled->digest, &pulled->bytes, err);
    /* What does not parse was never a manifest, but a layer of this digest. */
    if (found > 0 &&
        manifest_parse(&pulled->manifest, pulled->bytes.s, pulled->bytes.len, NULL) < 0)
        found = 0;
    if (found > 0)
        return 0;
    pulled_manifest_free(pulled);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    return -1;
}
