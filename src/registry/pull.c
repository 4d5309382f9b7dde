/* SPDX-License-Identifier: Apache-2.0
 * L3: pulling blobs and manifests. */
#include "registry/pull.h"

#include "base/log.h"
#include "oci/digester.h"
#include "registry/freshen.h"
#include "store/blob.h"
#include "store/pulled.h"
#include "store/repo.h"
#include "store/tag.h"

/* Somebody who may push asks whether it is there: he will rely on it. */
static bool is_promise(const struct registry *registry, const struct name *name, enum pull pull)
{
    const struct registry_rules *rules = &registry->rules;

    return pull == PULL_HEAD && (!rules->may_push || rules->may_push(rules->context, name));
}

bool pull_is_emptied(const struct digest *digest, int64_t size)
{
    struct digest empty;

    if (size > 0)
        return false;
    digester_of(&empty, digest->algorithm, "", 0);
    return !digest_equal(&empty, digest);
}

int pull_blob(const struct registry *registry, const struct name *name, const struct digest *digest,
              enum pull pull, int *fd, int64_t *size, struct err *err)
{
    AUTO_FD opened = -1;

    int found = repo_has_layer(registry->store, name, digest, err);
    if (found > 0)
        found = blob_open(registry->store, digest, &opened, size, err);
    if (found > 0 && pull_is_emptied(digest, *size))
        found = 0;
    if (found > 0 && is_promise(registry, name, pull))
        found = freshen_promise_blob(registry, name, digest, err);
    if (found == 0)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", digest->s, name->s);
    if (found < 0)
        return -1;
    *fd = opened;
    opened = -1;
    return 0;
}

void pull_free(struct pulled_manifest *pulled)
{
    manifest_free(&pulled->manifest);
    buf_free(&pulled->bytes);
}

int pull_resolve(const struct registry *registry, const struct name *name,
                 const struct reference *reference, struct digest *digest, struct err *err)
{
    if (!reference->is_digest)
        return tag_get(registry->store, name, &reference->tag, digest, err);
    *digest = reference->digest;
    int found = repo_has_revision(registry->store, name, digest, err);
    /* Distribution resolves manifests among the layers too, where its first versions kept them. */
    return found ? found : repo_has_layer(registry->store, name, digest, err);
}

int pull_read(const struct registry *registry, const struct name *name,
              const struct reference *reference, struct pulled_manifest *pulled, struct err *err)
{
    *pulled = (struct pulled_manifest){0};
    int found = pull_resolve(registry, name, reference, &pulled->digest, err);
    if (found > 0)
        found = blob_read_manifest(registry->store, &pulled->digest, &pulled->bytes, err);
    /* What does not parse was never a manifest, but a layer of this digest. */
    if (found > 0 &&
        manifest_parse_stored(&pulled->manifest, pulled->bytes.s, pulled->bytes.len, NULL) < 0)
        found = 0;
    if (found > 0)
        return 0;
    pull_free(pulled);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    return -1;
}

/* For the rule `pulled`. containerd resolves a tag with HEAD and then pulls by digest. A pull never
 * fails for it. */
static void record(const struct registry *registry, const struct name *name,
                   const struct reference *reference)
{
    const struct registry_rules *rules = &registry->rules;
    struct err err;

    if (reference->is_digest || !rules->records_pulls ||
        !rules->records_pulls(rules->context, name))
        return;
    if (pulled_record(registry->store, name, &reference->tag, &err) < 0)
        log_debug("the pull of %s:%s is not recorded: %s", name->s, reference->tag.s, err.msg);
}

int pull_manifest(const struct registry *registry, const struct name *name,
                  const struct reference *reference, enum pull pull, struct pulled_manifest *pulled,
                  struct err *err)
{
    if (pull_read(registry, name, reference, pulled, err) < 0)
        return -1;
    if (reference->is_digest && is_promise(registry, name, pull)) {
        int kept = freshen_promise_manifest(registry, name, &pulled->digest, err);
        if (kept == 0)
            err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", pulled->digest.s, name->s);
        if (kept <= 0) {
            pull_free(pulled);
            return -1;
        }
    }
    record(registry, name, reference);
    return 0;
}
