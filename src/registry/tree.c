/* SPDX-License-Identifier: Apache-2.0
 * L3: walking all that a manifest needs. */
#include "registry/tree.h"

#include "base/array.h"
#include "base/json.h"
#include "oci/digest_key.h"
#include "oci/digest_map.h"
#include "registry/list.h"
#include "store/blob.h"
#include "store/repo.h"

#include <stdlib.h>
#include <string.h>

struct tree {
    const struct registry *registry;
    const struct name *name;
    bool with_referrers;
    tree_visit_fn *visit;
    void *context;
    struct digest_map seen;  /* enum seen */
    struct strings subjects; /* what was visited: their referrers are to come */
    size_t waiting;          /* children whose turn has not come */
};

/* That wait for their turn at a time, in all indexes around what is walked. */
#define WAITING_MAX 200000

/* Children until it is their turn: the manifest that names them is not kept for so long. */
struct child {
    struct digest_packed digest;
    bool has_urls;
    int64_t size;
};
struct children {
    struct child *v;
    size_t n;
    bool has_subject;
    struct digest subject;
};

/* What is one's layer may be another's child. */
enum seen { AS_BLOB = 1, AS_MANIFEST = 2, AS_LEAF = 4 };

static bool was_seen(const struct tree *tree, const struct digest *digest, enum seen as)
{
    const uint32_t *seen = digest_map_get(&tree->seen, digest);

    return seen && (*seen & as);
}

static int walk_manifest(struct tree *tree, const struct digest *digest,
                         const struct descriptor *descriptor, int depth, struct err *err);

int tree_is_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *child, struct err *err)
{
    struct reference reference = {.is_digest = true, .digest = *child};
    struct err failure;

    int has = repo_has_revision(registry->store, name, child, err);
    if (has)
        return has;
    has = repo_has_layer(registry->store, name, child, err);
    if (has <= 0)
        return has < 0 ? -1 : 1; /* it is missing */
    if (blob_may_be_manifest(registry->store, child, NULL) <= 0)
        return 0;
    AUTO_PULLED pulled = {0};
    if (pull_read(registry, name, &reference, &pulled, &failure) == 0)
        return 1;
    return failure.code == ERR_MANIFEST_UNKNOWN ? 0 : err_copy(err, &failure);
}

int tree_lacks(const struct registry *registry, const struct name *name, const struct digest *child,
               struct err *err)
{
    struct reference reference = {.is_digest = true, .digest = *child};
    struct digest digest;

    if (!registry_is_sparse(registry, name))
        return 0;
    int found = pull_resolve(registry, name, &reference, &digest, err);
    return found < 0 ? -1 : !found;
}

static int visit_blob(struct tree *tree, const struct descriptor *reference, struct err *err)
{
    const struct tree_entry blob = {&reference->digest, NULL, reference};

    if (was_seen(tree, &reference->digest, AS_BLOB))
        return 0;
    *digest_map_put(&tree->seen, &reference->digest) |= AS_BLOB;
    return tree->visit(tree->context, &blob, err);
}

/* What refers to it comes when all is visited that led here: an index that refers to what it is
 * about may have one as its child that has this one as its child. */
static void add_subject(struct tree *tree, const struct digest *digest)
{
    if (tree->with_referrers)
        strings_add(&tree->subjects, digest->s);
}

/* A child that is no manifest. */
static int walk_leaf(struct tree *tree, const struct descriptor *leaf, struct err *err)
{
    if (was_seen(tree, &leaf->digest, AS_LEAF))
        return 0;
    int stop = visit_blob(tree, leaf, err);
    *digest_map_put(&tree->seen, &leaf->digest) |= AS_LEAF;
    add_subject(tree, &leaf->digest);
    return stop;
}

static int walk_child(struct tree *tree, const struct descriptor *child, int depth, struct err *err)
{
    if (was_seen(tree, &child->digest, AS_MANIFEST))
        return 0;
    int lacks = tree_lacks(tree->registry, tree->name, &child->digest, err);
    if (lacks)
        return lacks < 0 ? -1 : visit_blob(tree, child, err);
    int is_manifest = tree_is_manifest(tree->registry, tree->name, &child->digest, err);
    if (is_manifest < 0)
        return -1;
    return is_manifest ? walk_manifest(tree, &child->digest, child, depth + 1, err)
                       : walk_leaf(tree, child, err);
}

static int walk_subject(struct tree *tree, const struct digest *digest, int depth, struct err *err)
{
    const struct store *store = tree->registry->store;
    const struct descriptor subject = {.role = DESCRIPTOR_CHILD, .digest = *digest, .size = -1};

    int has = repo_has_revision(store, tree->name, digest, err);
    if (has)
        return has < 0 ? -1 : 0;
    has = repo_has_layer(store, tree->name, digest, err);
    return has > 0 ? walk_child(tree, &subject, depth, err) : has;
}

static int add_child(struct tree *tree, const struct descriptor *reference,
                     struct children *children, struct err *err)
{
    if (tree->waiting + children->n >= WAITING_MAX)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "indexes in one another name more than %d manifests together", WAITING_MAX);
    struct child *child = ARRAY_ADD(children->v, children->n);
    *child = (struct child){.has_urls = reference->has_urls, .size = reference->size};
    digest_key_pack(&child->digest, &reference->digest);
    return 0;
}

/* Visits the blobs that a manifest names, and collects the others, each once. */
static int visit_blobs(struct tree *tree, const struct manifest *manifest,
                       struct children *children, struct err *err)
{
    AUTO_DIGEST_MAP known = {0};

    children->has_subject = manifest->has_subject;
    children->subject = manifest->subject;
    for (size_t i = 0; i < manifest->n_references; i++) {
        struct descriptor reference = manifest->references[i];
        int stop = 0;
        reference.media_type = NULL;
        reference.json = NULL;
        if (reference.role != DESCRIPTOR_CHILD)
            stop = visit_blob(tree, &reference, err);
        else if (!digest_map_get(&known, &reference.digest))
            stop = add_child(tree, &reference, children, err);
        *digest_map_put(&known, &reference.digest) = 1;
        if (stop)
            return stop;
    }
    return 0;
}

static int walk_children(struct tree *tree, const struct children *children, int depth,
                         struct err *err)
{
    int stop = 0;

    tree->waiting += children->n;
    for (size_t i = 0; i < children->n && stop == 0; i++) {
        const struct child *child = &children->v[i];
        struct descriptor descriptor = {
            .role = DESCRIPTOR_CHILD, .size = child->size, .has_urls = child->has_urls};
        digest_key_unpack(&child->digest, &descriptor.digest);
        stop = walk_child(tree, &descriptor, depth, err);
    }
    if (stop == 0 && children->has_subject)
        stop = walk_subject(tree, &children->subject, depth, err);
    tree->waiting -= children->n;
    return stop;
}

static int add_referrer(void *digests, const struct json *descriptor, struct err *err)
{
    (void)err;
    strings_add(digests, json_text(json_get(descriptor, "digest")));
    return 0;
}

static int walk_referrers(struct tree *tree, const struct digest *subject, struct err *err)
{
    AUTO_STRINGS digests = {0};

    if (list_referrers_each(tree->registry, tree->name, subject, add_referrer, &digests, err) < 0)
        return -1;
    for (size_t i = 0; i < digests.n; i++) {
        struct digest digest;
        if (digest_parse(&digest, digests.v[i], strlen(digests.v[i]), err) < 0)
            return -1;
        int stop = walk_manifest(tree, &digest, NULL, 0, err);
        if (stop)
            return stop;
    }
    return 0;
}

/* And what refers to those in turn, which are added behind us. */
static int walk_all_referrers(struct tree *tree, struct err *err)
{
    int stop = 0;

    for (size_t i = 0; i < tree->subjects.n && stop == 0; i++) {
        const char *text = tree->subjects.v[i];
        struct digest digest;
        if (digest_parse(&digest, text, strlen(text), err) < 0)
            return -1;
        stop = walk_referrers(tree, &digest, err);
    }
    return stop;
}

/* All that it names, and then itself. */
static int walk_below(struct tree *tree, const struct digest *digest,
                      const struct descriptor *descriptor, int depth, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = *digest};
    struct tree_entry entry = {digest, &pulled, descriptor};
    struct children children = {0};

    if (pull_read(tree->registry, tree->name, &reference, &pulled, err) < 0)
        return -1;
    *digest_map_put(&tree->seen, digest) |= AS_MANIFEST;
    int stop = visit_blobs(tree, &pulled.manifest, &children, err);
    if (stop == 0 && (children.n > 0 || children.has_subject)) {
        pull_free(&pulled);
        stop = walk_children(tree, &children, depth, err);
        if (stop == 0)
            stop = pull_read(tree->registry, tree->name, &reference, &pulled, err);
    }
    free(children.v);
    return stop ? stop : tree->visit(tree->context, &entry, err);
}

static int walk_manifest(struct tree *tree, const struct digest *digest,
                         const struct descriptor *descriptor, int depth, struct err *err)
{
    if (was_seen(tree, digest, AS_MANIFEST))
        return 0;
    if (depth > MANIFEST_NESTING_MAX)
        return err_set(err, ERR_MANIFEST_INVALID, "%s is nested too deeply", digest->s);
    int stop = walk_below(tree, digest, descriptor, depth, err);
    add_subject(tree, digest);
    return stop;
}

int tree_walk(const struct registry *registry, const struct name *name, const struct digest *digest,
              bool with_referrers, tree_visit_fn *visit, void *context, struct err *err)
{
    struct tree tree = {.registry = registry,
                        .name = name,
                        .with_referrers = with_referrers,
                        .visit = visit,
                        .context = context};

    int stop = walk_manifest(&tree, digest, NULL, 0, err);
    if (stop == 0)
        stop = walk_all_referrers(&tree, err);
    strings_free(&tree.subjects);
    digest_map_free(&tree.seen);
    return stop;
}
