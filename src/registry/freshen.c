/* SPDX-License-Identifier: Apache-2.0
 * L3: keeping the collector away from what somebody relies on. */
#include "registry/freshen.h"

#include "base/array.h"
#include "oci/digest_key.h"
#include "oci/digest_map.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/lock.h"
#include "store/repo.h"

#include <stdlib.h>

/* What one request may make us read of manifests that an index names; images have some 10 kB. */
#define READ_BYTES_MAX ((int64_t)64 << 20)

int freshen_blob(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct err *err)
{
    int linked = repo_freshen_layer(registry->store, name, digest, err);

    return linked > 0 ? blob_freshen(registry->store, digest, err) : linked;
}

/* Each digest is looked at once in a walk, or else indexes that name the same child twice, one
 * above the other, would take 2^depth looks. */
struct walk {
    const struct registry *registry;
    const struct name *name;
    struct digest_map blobs;   /* 1: it is there, 2: it is not */
    struct digest_map heights; /* of manifests: 2 + levels of children below; 1: it is not there */
    int64_t read;              /* bytes of manifests */
    bool is_strict;            /* refuses what was let in before there was a rule */
};

static void walk_free(struct walk *walk)
{
    digest_map_free(&walk->blobs);
    digest_map_free(&walk->heights);
}

static int walk_blob(struct walk *walk, const struct digest *digest, struct err *err)
{
    const uint32_t *known = digest_map_get(&walk->blobs, digest);

    if (known)
        return *known == 1;
    int found = freshen_blob(walk->registry, walk->name, digest, err);
    if (found >= 0)
        *digest_map_put(&walk->blobs, digest) = found ? 1 : 2;
    return found;
}

/* The manifest's own link and blob. */
static int freshen_one(struct walk *walk, const struct digest *digest, struct err *err)
{
    const struct store *store = walk->registry->store;

    int found = repo_freshen_revision(store, walk->name, digest, err);
    if (found == 0) /* where Distribution's first versions kept manifests */
        found = repo_freshen_layer(store, walk->name, digest, err);
    return found > 0 ? blob_freshen(store, digest, err) : found;
}

static int walk_manifest(struct walk *walk, const struct digest *digest, int depth, int *height,
                         struct err *err);

/* What is held only as a layer is one, unless it looks like a manifest. */
static int walk_child(struct walk *walk, const struct digest *child, int depth, int *height,
                      struct err *err)
{
    const struct store *store = walk->registry->store;

    *height = -1;
    int is_manifest = repo_has_revision(store, walk->name, child, err);
    if (is_manifest < 0)
        return -1;
    if (!is_manifest && blob_may_be_manifest(store, child, NULL) <= 0)
        return walk_blob(walk, child, err);
    return walk_manifest(walk, child, depth, height, err);
}

/* Children until it is their turn: the manifest that names them is not kept for so long. */
struct children {
    struct digest_packed *v;
    size_t n;
};

/* Looks at a manifest's blobs, and collects its children. It was accepted: what is missing by now
 * is not this request's fault. */
static int read_manifest(struct walk *walk, const struct digest *digest, struct children *children,
                         struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    const struct store *store = walk->registry->store;
    const int64_t read_max = READ_BYTES_MAX + store->manifest_limit; /* any one may be read */
    int64_t size;

    /* Only for one that is there at all is it said that it is too much. */
    if (blob_stat(store, digest, &size, NULL) <= 0 || size > store->manifest_limit)
        return 0;
    walk->read += size;
    if (walk->read > read_max)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "the manifests that it names have more than %jd MiB together: split the "
                       "index",
                       (intmax_t)(read_max >> 20));
    if (blob_parse_manifest(store, digest, store->manifest_limit, JSON_BYTES_MAX, &manifest, NULL,
                            NULL) <= 0)
        return 0;
    for (size_t i = 0; i < manifest.n_references; i++) {
        const struct descriptor *reference = &manifest.references[i];
        if (reference->role != DESCRIPTOR_CHILD) {
            if (walk_blob(walk, &reference->digest, err) < 0)
                return -1;
            continue;
        }
        digest_key_pack(ARRAY_ADD(children->v, children->n), &reference->digest);
    }
    return 0;
}

static int walk_children(struct walk *walk, const struct children *children, int depth, int *height,
                         struct err *err)
{
    for (size_t i = 0; i < children->n; i++) {
        struct digest digest;
        int below;
        digest_key_unpack(&children->v[i], &digest);
        if (walk_child(walk, &digest, depth + 1, &below, err) < 0)
            return -1;
        if (below + 1 > *height)
            *height = below + 1;
    }
    return 0;
}

/* *height: how many levels of children it has. What one needs that is damaged or none cannot be
 * known; the collector keeps all that its repository has. */
static int walk_manifest(struct walk *walk, const struct digest *digest, int depth, int *height,
                         struct err *err)
{
    const uint32_t *known = digest_map_get(&walk->heights, digest);
    struct children children = {0};

    *height = known && *known > 1 ? (int)*known - 2 : 0;
    if (known)
        return *known > 1;
    int found = freshen_one(walk, digest, err);
    if (found < 0)
        return -1;
    *digest_map_put(&walk->heights, digest) = found ? 2 : 1;
    if (found == 0 || depth > MANIFEST_NESTING_MAX)
        return found;
    int done = read_manifest(walk, digest, &children, err);
    if (done == 0)
        done = walk_children(walk, &children, depth, height, err);
    free(children.v);
    if (done == 0)
        *digest_map_put(&walk->heights, digest) = 2 + (uint32_t)*height;
    return done < 0 ? -1 : 1;
}

int freshen_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *digest, struct err *err)
{
    struct walk walk = {.registry = registry, .name = name};
    int height;

    int found = walk_manifest(&walk, digest, 0, &height, err);
    walk_free(&walk);
    return found;
}

/* 0: it is to be pushed. A blob of no bytes that should have some heals by that. */
static int check_size(const struct walk *walk, const struct descriptor *descriptor, struct err *err)
{
    int64_t size;

    int found = blob_stat(walk->registry->store, &descriptor->digest, &size, err);
    if (found <= 0 || size == descriptor->size || descriptor->size < 0)
        return found;
    if (size == 0)
        return 0;
    return err_set(err, ERR_MANIFEST_INVALID, "it says that %s has %jd bytes, but it has %jd",
                   descriptor->digest.s, (intmax_t)descriptor->size, (intmax_t)size);
}

static int walk_reference(struct walk *walk, const struct descriptor *reference, struct err *err)
{
    int height = -1;
    int found = reference->role == DESCRIPTOR_CHILD
                    ? walk_child(walk, &reference->digest, 1, &height, err)
                    : walk_blob(walk, &reference->digest, err);

    if (found > 0 && walk->is_strict)
        found = check_size(walk, reference, err);
    if (found > 0 && walk->is_strict && height + 1 > MANIFEST_NESTING_MAX)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "it is an index of indexes of indexes, more than %d deep",
                       MANIFEST_NESTING_MAX);
    return found;
}

static void note_missing(struct freshen_missing *missing, const struct digest *digest)
{
    for (size_t i = 0; i < missing->n; i++)
        if (digest_equal(&missing->v[i], digest))
            return;
    if (missing->n < FRESHEN_MISSING_MAX)
        missing->v[missing->n++] = *digest;
}

/* Who pushed it may not have synced that. What a manifest needs was durable before its link was
 * made. */
static int settle_reference(const struct walk *walk, const struct descriptor *reference,
                            struct dirty *dirty, struct err *err)
{
    const struct store *store = walk->registry->store;
    const struct digest *digest = &reference->digest;
    int linked = 0;

    if (reference->role == DESCRIPTOR_CHILD)
        linked = repo_settle_revision(store, walk->name, digest, dirty, err);
    if (linked == 0) /* where Distribution's first versions kept manifests, too */
        linked = repo_settle_layer(store, walk->name, digest, dirty, err);
    return linked > 0 ? blob_settle(store, digest, dirty, err) : linked;
}

static int refuse_missing(const struct name *name, const struct freshen_missing *missing,
                          struct err *err)
{
    if (missing->n == 0)
        return 0;
    return err_set(err, ERR_MANIFEST_BLOB_UNKNOWN, "push %s to %s first", missing->v[0].s, name->s);
}

int freshen_references(const struct registry *registry, const struct name *name,
                       const struct manifest *manifest, bool is_new, struct dirty *dirty,
                       struct freshen_missing *missing, struct err *err)
{
    struct walk walk = {.registry = registry, .name = name, .is_strict = is_new};
    bool sparse = registry_is_sparse(registry, name);
    AUTO_DIGEST_MAP settled = {0};
    int found = 1;

    missing->n = 0;
    for (size_t i = 0; i < manifest->n_references && found >= 0; i++) {
        const struct descriptor *reference = &manifest->references[i];
        uint32_t *is_settled = digest_map_put(&settled, &reference->digest);
        if (!*is_settled)
            found = settle_reference(&walk, reference, dirty, err);
        *is_settled = 1;
        if (found >= 0)
            found = walk_reference(&walk, reference, err);
        if (found == 0 && !reference->has_urls && !sparse)
            note_missing(missing, &reference->digest);
    }
    walk_free(&walk);
    return found < 0 ? -1 : refuse_missing(name, missing, err);
}

static int has_reference(const struct store *store, const struct name *name,
                         const struct descriptor *reference, struct err *err)
{
    int has = 0;

    if (reference->role == DESCRIPTOR_CHILD)
        has = repo_has_revision(store, name, &reference->digest, err);
    return has ? has : repo_has_layer(store, name, &reference->digest, err);
}

int freshen_check(const struct registry *registry, const struct name *name,
                  const struct manifest *manifest, struct freshen_missing *missing, struct err *err)
{
    AUTO_DIGEST_MAP seen = {0}; /* as which roles */

    missing->n = 0;
    if (registry_is_sparse(registry, name))
        return 0;
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *reference = &manifest->references[i];
        uint32_t *roles = digest_map_put(&seen, &reference->digest);
        uint32_t role = UINT32_C(1) << reference->role;
        if (reference->has_urls || (*roles & role))
            continue;
        *roles |= role;
        int has = has_reference(registry->store, name, reference, err);
        if (has < 0)
            return -1;
        if (!has)
            note_missing(missing, &reference->digest);
    }
    return refuse_missing(name, missing, err);
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
    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    int fresh = freshen_blob(registry, name, digest, err);
    /* A young link keeps the blob. */
    return fresh > 0 ? repo_sync_layer(registry->store, name, digest, err) : fresh;
}

/* What a young link reaches is young enough. */
int freshen_promise_manifest(const struct registry *registry, const struct name *name,
                             const struct digest *digest, struct err *err)
{
    AUTO_LOCK gc = {-1};

    int stale = repo_revision_is_stale(registry->store, name, digest, err);
    if (stale <= 0)
        return stale < 0 ? -1 : 1;
    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    int fresh = freshen_manifest(registry, name, digest, err);
    if (fresh <= 0)
        return fresh;
    int synced = repo_sync_revision(registry->store, name, digest, err);
    return synced ? synced : repo_sync_layer(registry->store, name, digest, err);
}
