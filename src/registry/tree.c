/* SPDX-License-Identifier: Apache-2.0
 * L3: walking all that a manifest needs. */
#include "registry/tree.h"

#include "base/json.h"
#include "oci/digest_map.h"
#include "registry/list.h"
#include "store/blob.h"
#include "store/repo.h"

#include <string.h>

struct tree {
    const struct registry *registry;
    const struct name *name;
    bool with_referrers;
    tree_visit_fn *visit;
    void *context;
    struct digest_map seen;
};

static int walk_manifest(struct tree *tree, const struct digest *digest,
                         const struct descriptor *descriptor, int depth, struct err *err);

/* A child that is held only as a layer is one (BuildKit's cache), unless it is a manifest. */
static int may_be_manifest(const struct tree *tree, const struct descriptor *child, struct err *err)
{
    const struct registry *registry = tree->registry;
    struct reference reference = {.is_digest = true, .digest = child->digest};
    struct err failure;

    int has = repo_has_revision(registry->store, tree->name, &child->digest, err);
    if (has)
        return has;
    has = repo_has_layer(registry->store, tree->name, &child->digest, err);
    if (has <= 0)
        return has < 0 ? -1 : 1; /* it is missing */
    if (blob_may_be_manifest(registry->store, &child->digest, NULL) <= 0)
        return 0;
    AUTO_PULLED pulled = {0};
    if (pull_read(registry, tree->name, &reference, &pulled, &failure) == 0)
        return 1;
    return failure.code == ERR_MANIFEST_UNKNOWN ? 0 : err_copy(err, &failure);
}

static int walk_references(struct tree *tree, const struct manifest *manifest, int depth,
                           struct err *err)
{
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *reference = &manifest->references[i];
        struct tree_entry blob = {&reference->digest, NULL, reference};
        int stop = 0;
        int is_manifest = reference->role == DESCRIPTOR_CHILD;
        if (is_manifest)
            is_manifest = may_be_manifest(tree, reference, err);
        if (is_manifest > 0) {
            stop = walk_manifest(tree, &reference->digest, reference, depth + 1, err);
        } else if (is_manifest < 0) {
            stop = -1;
        } else if (!digest_map_get(&tree->seen, &reference->digest)) {
            digest_map_put(&tree->seen, &reference->digest);
            stop = tree->visit(tree->context, &blob, err);
        }
        if (stop)
            return stop;
    }
    return 0;
}

static int referrers_of(const struct tree *tree, const struct digest *subject,
                        struct strings *digests, struct err *err)
{
    struct page all = {NULL, INT64_MAX};
    struct digest last;
    bool more = true;

    while (more) {
        AUTO_BUF list = BUF_INIT;
        buf_addc(&list, '[');
        if (list_referrers(tree->registry, tree->name, subject, NULL, all, &list, &last, &more,
                           err) < 0)
            return -1;
        buf_addc(&list, ']');
        struct json *json = json_parse(list.s, list.len, MANIFEST_DEPTH_MAX + 1, err);
        if (!json)
            return -1;
        for (size_t i = 0; i < json_array_len(json); i++)
            strings_add(digests, json_text(json_get(json_array_at(json, i), "digest")));
        json_free(json);
        all.last = last.s;
    }
    return 0;
}

static int walk_referrers(struct tree *tree, const struct digest *subject, int depth,
                          struct err *err)
{
    AUTO_STRINGS digests = {0};

    if (referrers_of(tree, subject, &digests, err) < 0)
        return -1;
    for (size_t i = 0; i < digests.n; i++) {
        struct digest digest;
        if (digest_parse(&digest, digests.v[i], strlen(digests.v[i]), err) < 0)
            return -1;
        int stop = walk_manifest(tree, &digest, NULL, depth + 1, err);
        if (stop)
            return stop;
    }
    return 0;
}

static int walk_manifest(struct tree *tree, const struct digest *digest,
                         const struct descriptor *descriptor, int depth, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = *digest};
    struct tree_entry entry = {digest, &pulled, descriptor};

    if (digest_map_get(&tree->seen, digest))
        return 0;
    if (depth > MANIFEST_NESTING_MAX)
        return err_set(err, ERR_MANIFEST_INVALID, "%s is nested too deeply", digest->s);
    if (pull_read(tree->registry, tree->name, &reference, &pulled, err) < 0)
        return -1;
    digest_map_put(&tree->seen, digest);
    int stop = walk_references(tree, &pulled.manifest, depth, err);
    if (stop == 0)
        stop = tree->visit(tree->context, &entry, err);
    if (stop == 0 && tree->with_referrers)
        stop = walk_referrers(tree, digest, depth, err);
    return stop;
}

int tree_walk(const struct registry *registry, const struct name *name, const struct digest *digest,
              bool with_referrers, tree_visit_fn *visit, void *context, struct err *err)
{
    struct tree tree = {registry, name, with_referrers, visit, context, {0}};

    int stop = walk_manifest(&tree, digest, NULL, 0, err);
    digest_map_free(&tree.seen);
    return stop;
}
