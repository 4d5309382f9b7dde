/* SPDX-License-Identifier: Apache-2.0
 * L4: export: the plan of what is to be written. */
#include "transfer/export_plan.h"

#include "base/array.h"
#include "oci/attached.h"
#include "registry/tree.h"
#include "store/blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with(const char *s, const char *start)
{
    return s && !strncmp(s, start, strlen(start));
}

/* Artifacts, such as charts and cosign's signatures, have the shape of images, and types of their
 * own. */
bool export_plan_is_image(const struct manifest *manifest)
{
    const struct descriptor *config = manifest->references;

    if (manifest->is_index || manifest->n_references < 2 || config->role != DESCRIPTOR_CONFIG ||
        !(starts_with(config->media_type, "application/vnd.oci.image.config.v1") ||
          starts_with(config->media_type, "application/vnd.docker.container.image.v1")))
        return false;
    for (size_t i = 1; i < manifest->n_references; i++) {
        const char *type = manifest->references[i].media_type;
        if (!starts_with(type, "application/vnd.oci.image.layer.") &&
            !starts_with(type, "application/vnd.docker.image.rootfs."))
            return false;
    }
    return true;
}

static bool is_index_of_images(const struct manifest *manifest)
{
    struct platform platform;

    for (size_t i = 0; manifest->is_index && i < manifest->n_references; i++)
        if (platform_from_json(&platform, json_get(manifest->references[i].json, "platform")))
            return true;
    return false;
}

/* A store that this user cannot touch, or nobody, as on a read-only medium, is read all the same.
 */
static int freshen(const struct store *store, const struct digest *digest, struct err *err)
{
    struct err failure;

    int found = blob_freshen(store, digest, &failure);
    if (found >= 0 || failure.sys == EACCES || failure.sys == EPERM || failure.sys == EROFS)
        return 0;
    return err_copy(err, &failure);
}

int export_plan_freshen(const struct export_plan *plan, size_t done, struct err *err)
{
    struct digest digest;

    for (size_t i = done; i < plan->n_contents; i++) {
        digest_key_unpack(&plan->contents[i].digest, &digest);
        if (freshen(plan->options->registry->store, &digest, err) < 0)
            return -1;
    }
    return 0;
}

/* The repository is the one that was named last. */
static void add_content(struct export_plan *plan, const struct digest *digest, int64_t size,
                        bool is_manifest)
{
    struct export_plan_content *content = ARRAY_ADD(plan->contents, plan->n_contents);

    *content = (struct export_plan_content){.size = size,
                                            .repository = (uint32_t)(plan->repositories.n - 1),
                                            .is_manifest = is_manifest};
    digest_key_pack(&content->digest, digest);
    plan->bytes += size;
    plan->n_manifests += is_manifest;
    plan->missing -= digest_map_get(&plan->lacking, digest) != NULL;
}

/* Of what was not met before: false: it is not to be written. */
static bool is_wanted(struct export_plan *plan, const struct digest *digest, int64_t size)
{
    if (!plan->request->have || !digest_map_get(plan->request->have, digest))
        return true;
    digest_map_put(&plan->known, digest);
    plan->left_out++;
    plan->left_out_bytes += size > 0 ? size : 0;
    return false;
}

/* First touched, then looked for: the collector can no longer take what is found. */
static int find(const struct store *store, const struct digest *digest, int64_t *size,
                struct err *err)
{
    return freshen(store, digest, err) < 0 ? -1 : blob_stat(store, digest, size, err);
}

/* A manifest that other programs took may say a wrong size; or the blob is damaged. */
static int check_size(struct export_plan *plan, const struct descriptor *descriptor, int64_t size,
                      struct err *err)
{
    const char *digest = descriptor->digest.s;
    intmax_t there = size, said = descriptor->size;

    if (size == descriptor->size || descriptor->size < 0 ||
        digest_map_get(&plan->odd, &descriptor->digest))
        return 0;
    int sound = blob_verify(plan->options->registry->store, &descriptor->digest, err);
    if (sound < 0)
        return -1;
    if (sound == 0)
        return err_set(err, ERR_IO,
                       "the blob %s is damaged, it has %jd bytes, not %jd: berth fsck --repair",
                       digest, there, said);
    digest_map_put(&plan->odd, &descriptor->digest);
    transfer_note(plan->options,
                  "%s has %jd bytes, but a manifest says %jd: it is exported as it is, and an "
                  "import will refuse that manifest, as pushes do",
                  digest, there, said);
    return 0;
}

static void add_lacking(struct export_plan *plan, const struct digest *digest)
{
    uint32_t *seen = digest_map_put(&plan->lacking, digest);

    plan->missing += *seen == 0;
    *seen = 1;
}

static int plan_blob(struct export_plan *plan, const struct name *name,
                     const struct descriptor *descriptor, struct err *err)
{
    const struct digest *digest = &descriptor->digest;
    int64_t size;

    if (digest_map_get(&plan->known, digest) || !is_wanted(plan, digest, descriptor->size))
        return 0;
    int lacks = tree_lacks(plan->options->registry, name, digest, err);
    if (lacks > 0 && !descriptor->has_urls)
        add_lacking(plan, digest);
    if (lacks < 0 || (lacks > 0 && !descriptor->has_urls))
        return lacks < 0 ? -1 : 0;
    int found = find(plan->options->registry->store, digest, &size, err);
    if (found < 0)
        return -1;
    if (found == 0 && !descriptor->has_urls)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s", digest->s);
    if (found > 0 && check_size(plan, descriptor, size, err) < 0)
        return -1;
    digest_map_put(&plan->known, digest);
    if (found)
        add_content(plan, digest, size, false);
    else
        plan->elsewhere++;
    return 0;
}

struct visit {
    struct export_plan *plan;
    const struct name *name;
    const char *tag, *platform;
    const struct digest *top;
    struct strings *manifests;
};

static void name_repository(struct export_plan *plan, const struct name *name)
{
    struct strings *names = &plan->repositories;

    if (names->n == 0 || strcmp(names->v[names->n - 1], name->s) != 0)
        strings_add(names, name->s);
}

static char *artifact_type_of(const struct manifest *manifest, bool is_image)
{
    const char *type = json_text(json_get(manifest->json, "artifactType"));
    const struct descriptor *config = manifest->references;

    if ((!type || !*type) && !is_image && manifest->n_references > 0 &&
        config->role == DESCRIPTOR_CONFIG)
        type = config->media_type;
    return type && *type ? mem_strdup(type) : NULL;
}

static void add_root(const struct visit *visit, const struct tree_entry *entry)
{
    struct export_plan *plan = visit->plan;
    const struct manifest *manifest = &entry->manifest->manifest;
    bool is_top = digest_equal(entry->digest, visit->top);
    bool is_image = export_plan_is_image(manifest) || is_index_of_images(manifest);
    struct attached attached;

    *ARRAY_ADD(plan->roots, plan->n_roots) = (struct export_plan_root){
        .repository = plan->repositories.v[plan->repositories.n - 1],
        .tag = is_top && visit->tag ? mem_strdup(visit->tag) : NULL,
        .digest = *entry->digest,
        .size = entry->manifest->size,
        .media_type = mem_strdup(manifest->media_type),
        .artifact_type = artifact_type_of(manifest, is_image),
        .platform = is_top && visit->platform ? mem_strdup(visit->platform) : NULL,
        .is_image = is_image,
        .is_referrer = !is_top || (visit->tag && attached_parse(&attached, visit->tag)),
    };
}

static int visit_entry(void *context, const struct tree_entry *entry, struct err *err)
{
    struct visit *visit = context;
    struct export_plan *plan = visit->plan;

    if (transfer_check(plan->options, err) < 0)
        return -1;
    if (!entry->manifest)
        return plan_blob(plan, visit->name, entry->descriptor, err);
    int64_t size = entry->manifest->size, there;
    if (entry->descriptor && check_size(plan, entry->descriptor, size, err) < 0)
        return -1;
    strings_add(visit->manifests, entry->digest->s);
    if (!entry->descriptor)
        add_root(visit, entry);
    if (digest_map_get(&plan->known, entry->digest) || !is_wanted(plan, entry->digest, size))
        return 0;
    int found = find(plan->options->registry->store, entry->digest, &there, err);
    if (found == 0) /* it was read a moment ago */
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", entry->digest->s, visit->name->s);
    if (found < 0)
        return -1;
    digest_map_put(&plan->known, entry->digest);
    add_content(plan, entry->digest, size, true);
    progress_at(plan->options->items, "looking", (int64_t)plan->n_contents, -1);
    return 0;
}

static void free_root(struct export_plan_root *root)
{
    free(root->tag);
    free(root->media_type);
    free(root->artifact_type);
    free(root->platform);
}

int export_plan_add(struct export_plan *plan, const struct name *name, const char *tag,
                    const struct digest *digest, const char *platform, struct strings *manifests,
                    struct err *err)
{
    struct visit visit = {plan, name, tag, platform, digest, manifests};
    size_t before = plan->n_roots;

    name_repository(plan, name);
    if (tree_walk(plan->options->registry, name, digest, plan->request->referrers, visit_entry,
                  &visit, err) == 0)
        return 0;
    /* What was found of it does no harm, but it must not be named. */
    while (plan->n_roots > before)
        free_root(&plan->roots[--plan->n_roots]);
    return -1;
}

/* By repository; those without a tag first. */
static int compare_roots(const void *a, const void *b)
{
    const struct export_plan_root *left = a, *right = b;
    int order = strcmp(left->repository, right->repository);

    if (order == 0)
        order = strcmp(left->tag ? left->tag : "", right->tag ? right->tag : "");
    if (order == 0)
        order = strcmp(left->digest.s, right->digest.s);
    return order ? order : (int)left->is_referrer - (int)right->is_referrer;
}

/* Manifests first, for readers of a stream to know early what the rest is. */
static int compare_contents(const void *a, const void *b)
{
    const struct export_plan_content *left = a, *right = b;

    if (left->is_manifest != right->is_manifest)
        return left->is_manifest ? -1 : 1;
    return digest_key_compare(&left->digest, &right->digest);
}

static bool is_same_name(const struct export_plan_root *a, const struct export_plan_root *b)
{
    if (strcmp(a->repository, b->repository) != 0)
        return false;
    if (a->tag && b->tag)
        return !strcmp(a->tag, b->tag);
    return !a->tag && !b->tag && digest_equal(&a->digest, &b->digest);
}

/* Whether it stands under a tag of the same repository too. */
static bool is_tagged(const struct export_plan_root *root, const struct digest_map *tagged)
{
    return !root->tag && digest_map_get(tagged, &root->digest);
}

/* Roots are sorted: the tagged ones of a repository stand behind its others. */
static void collect_tagged(const struct export_plan *plan, size_t first, struct digest_map *tagged)
{
    digest_map_free(tagged);
    for (size_t i = first; i < plan->n_roots; i++) {
        if (strcmp(plan->roots[i].repository, plan->roots[first].repository) != 0)
            break;
        if (plan->roots[i].tag)
            digest_map_put(tagged, &plan->roots[i].digest);
    }
}

/* They were met in the order in which they can be pushed. */
static void move_manifests_last(struct export_plan *plan)
{
    struct export_plan_content *manifests = mem_alloc(plan->n_manifests * sizeof *manifests);
    size_t blobs = 0, n = 0;

    for (size_t i = 0; i < plan->n_contents; i++) {
        if (plan->contents[i].is_manifest)
            manifests[n++] = plan->contents[i];
        else
            plan->contents[blobs++] = plan->contents[i];
    }
    for (size_t i = 0; i < n; i++)
        plan->contents[blobs + i] = manifests[i];
    free(manifests);
}

void export_plan_finish(struct export_plan *plan, enum export_plan_order order)
{
    AUTO_DIGEST_MAP tagged = {0};
    size_t kept = 0;

    if (order == EXPORT_PLAN_MANIFESTS_LAST)
        move_manifests_last(plan);
    else if (plan->n_contents)
        qsort(plan->contents, plan->n_contents, sizeof *plan->contents, compare_contents);
    if (plan->n_roots)
        qsort(plan->roots, plan->n_roots, sizeof *plan->roots, compare_roots);
    for (size_t i = 0; i < plan->n_roots; i++) {
        struct export_plan_root *root = &plan->roots[i];
        if (i == 0 || strcmp(root->repository, plan->roots[i - 1].repository) != 0)
            collect_tagged(plan, i, &tagged);
        bool twice = kept > 0 && is_same_name(&plan->roots[kept - 1], root);
        if (twice || is_tagged(root, &tagged))
            free_root(root);
        else
            plan->roots[kept++] = *root;
    }
    plan->n_roots = kept;
}

void export_plan_free(struct export_plan *plan)
{
    for (size_t i = 0; i < plan->n_roots; i++)
        free_root(&plan->roots[i]);
    free(plan->roots);
    free(plan->contents);
    digest_map_free(&plan->known);
    digest_map_free(&plan->odd);
    digest_map_free(&plan->lacking);
    strings_free(&plan->repositories);
}
