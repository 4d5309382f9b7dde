/* SPDX-License-Identifier: Apache-2.0
 * L3: pulling blobs and manifests. */
#include "registry/pull.h"

#include "base/log.h"
#include "oci/digester.h"
#include "registry/freshen.h"
#include "registry/pulled.h"
#include "store/blob.h"
#include "store/manifest_file.h"
#include "store/repo.h"
#include "store/tag.h"

/* Somebody who may push asks whether it is there: he will rely on it. */
static bool is_promise(const struct registry *registry, const struct name *name, enum pull pull)
{
    const struct registry_rules *rules = &registry->rules;

    return pull == PULL_HEAD && (!rules->may_push || rules->may_push(rules->context, name));
}

/* A promise that is not written is kept where nobody can write: the collector cannot, either. */
static int promised(int kept, const struct err *failure, struct err *err)
{
    if (kept >= 0)
        return kept;
    return failure->code == ERR_READ_ONLY ? 1 : err_copy(err, failure);
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
    struct err failure;

    int found = repo_has_layer(registry->store, name, digest, err);
    if (found > 0)
        found = blob_open(registry->store, digest, &opened, size, err);
    if (found > 0 && pull_is_emptied(digest, *size))
        found = 0;
    if (found > 0 && is_promise(registry, name, pull))
        found = promised(freshen_promise_blob(registry, name, digest, &failure), &failure, err);
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
    if (pulled->has_file)
        file_close(&pulled->fd);
    pulled->has_file = false;
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

static int parse_opened(struct pulled_manifest *pulled, enum manifest_kind kind, struct err *err)
{
    struct digest actual;
    const struct manifest_file file = {
        .fd = pulled->fd,
        .size = pulled->size,
        .kind = kind,
        .json_max = JSON_BYTES_MAX,
        .expected = &pulled->digest,
        .text = pulled->size <= PULL_TEXT_MAX ? &pulled->bytes : NULL,
    };

    buf_clear(&pulled->bytes);
    return manifest_file_parse(&file, pulled->digest.algorithm, &actual, &pulled->manifest, err);
}

/* What does not parse was never a manifest, but a layer of this digest; so was what is too large
 * and named by nothing. may_be_large: one that cannot be loaded is looked at for what it is. */
static int parse_manifest(const struct registry *registry, const struct name *name,
                          const struct reference *reference, bool may_be_large,
                          struct pulled_manifest *pulled, struct err *err)
{
    struct err failure;
    int parsed = -1, named = 1;

    err_set(&failure, ERR_MANIFEST_TOO_LARGE,
            "the manifest %s has %jd bytes, more than manifest_limit", pulled->digest.s,
            (intmax_t)pulled->size);
    if (pulled->size <= registry->store->manifest_limit)
        parsed = parse_opened(pulled, MANIFEST_STORED, &failure);
    if (parsed < 0 && failure.code == ERR_MANIFEST_TOO_LARGE) {
        if (reference->is_digest)
            named = repo_has_revision(registry->store, name, &pulled->digest, err);
        if (named > 0 && may_be_large)
            parsed = parse_opened(pulled, MANIFEST_TOP, &failure);
    }
    if (parsed == 0 || named <= 0)
        return named;
    return failure.code == ERR_MANIFEST_INVALID ? 0 : err_copy(err, &failure);
}

static int read_manifest(const struct registry *registry, const struct name *name,
                         const struct reference *reference, bool may_be_large,
                         struct pulled_manifest *pulled, struct err *err)
{
    *pulled = (struct pulled_manifest){0};
    int found = pull_resolve(registry, name, reference, &pulled->digest, err);
    if (found > 0)
        found = blob_open(registry->store, &pulled->digest, &pulled->fd, &pulled->size, err);
    pulled->has_file = found > 0;
    if (found > 0)
        found = parse_manifest(registry, name, reference, may_be_large, pulled, err);
    if (pulled->has_file && (found <= 0 || pulled->size <= PULL_TEXT_MAX)) {
        file_close(&pulled->fd);
        pulled->has_file = false;
    }
    if (found > 0)
        return 0;
    pull_free(pulled);
    if (found == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    return -1;
}

int pull_read(const struct registry *registry, const struct name *name,
              const struct reference *reference, struct pulled_manifest *pulled, struct err *err)
{
    return read_manifest(registry, name, reference, false, pulled, err);
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
    if (read_manifest(registry, name, reference, true, pulled, err) < 0)
        return -1;
    manifest_shrink(&pulled->manifest); /* others are read now */
    if (reference->is_digest && is_promise(registry, name, pull)) {
        struct err failure;
        int kept = promised(freshen_promise_manifest(registry, name, &pulled->digest, &failure),
                            &failure, err);
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
