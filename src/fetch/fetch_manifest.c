/* SPDX-License-Identifier: Apache-2.0
 * L4: bringing manifests. */
#include "fetch/fetch.h"

#include "registry/push_manifest.h"
#include "store/blob.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

/* What the tag is here, with its manifest. */
static int has_tag(const struct fetch *fetch, const struct tag *tag, struct digest *digest)
{
    int64_t size;

    return tag_get(fetch->registry.store, &fetch->name, tag, digest, NULL) > 0 &&
           repo_has_revision(fetch->registry.store, &fetch->name, digest, NULL) > 0 &&
           blob_stat(fetch->registry.store, digest, &size, NULL) > 0 && size > 0;
}

static int store(struct fetch *fetch, const struct reference *reference,
                 const struct remote_manifest *manifest, const struct buf *body, struct err *err)
{
    const struct push_manifest push = {.name = fetch->name,
                                       .reference = *reference,
                                       .bytes = body->s,
                                       .len = body->len,
                                       .content_type =
                                           *manifest->media_type ? manifest->media_type : NULL};
    struct pushed_manifest pushed;
    AUTO_DIRTY dirty = {0};
    struct err failure;

    if (repo_create(fetch->registry.store, &fetch->name, &dirty, err) < 0 ||
        dirty_sync(&fetch->registry.store->fs, &dirty, err) < 0)
        return -1;
    return push_manifest(&fetch->registry, &push, &pushed, &failure) < 0
               ? fetch_blame(fetch, &failure, err)
               : 0;
}

/* asked: what is asked for there, by a digest where it is known, so that the tag does not move in
 * between. */
static int bring(struct fetch *fetch, const struct reference *asked,
                 const struct reference *reference, struct err *err)
{
    struct remote_manifest manifest;
    AUTO_BUF body = BUF_INIT;

    int found =
        remote_manifest_get(fetch->remote, &fetch->origin.remote, asked, &manifest, &body, err);
    if (found == 0)
        return fetch_unknown(fetch, ERR_MANIFEST_UNKNOWN, err);
    return found < 0 ? -1 : store(fetch, reference, &manifest, &body, err);
}

/* A look by HEAD, which counts for nothing at those who limit pulls. */
static int renew(struct fetch *fetch, const struct reference *reference, const struct digest *here,
                 struct err *err)
{
    struct remote_manifest manifest;
    struct reference asked = *reference;

    int found =
        remote_manifest_head(fetch->remote, &fetch->origin.remote, reference, &manifest, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return fetch_unknown(fetch, ERR_MANIFEST_UNKNOWN, err);
    if (manifest.has_digest && digest_equal(&manifest.digest, here))
        return 0;
    if (manifest.has_digest)
        asked = (struct reference){.is_digest = true, .digest = manifest.digest};
    return bring(fetch, &asked, reference, err);
}

int fetch_manifest(struct fetch *fetch, struct buf *text, struct err *err)
{
    struct reference reference;
    struct digest here;

    (void)text;
    if (reference_parse(&reference, fetch->what, strlen(fetch->what), err) < 0)
        return -1;
    int done = !reference.is_digest && has_tag(fetch, &reference.tag, &here)
                   ? renew(fetch, &reference, &here, err)
                   : bring(fetch, &reference, &reference, err);
    if (done < 0)
        return -1;
    mark_clear(fetch->registry.store, MARK_MISSING, fetch->origin.upstream, fetch->key.s);
    mark_set(fetch->registry.store, MARK_CHECKED, fetch->origin.upstream, fetch->key.s);
    return 0;
}
