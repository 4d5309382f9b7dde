/* SPDX-License-Identifier: Apache-2.0
 * L4: export: the images of an index by their platforms. */
#include "transfer/export_platform.h"

#include "base/array.h"
#include "registry/tree.h"

#include <stdlib.h>
#include <string.h>

/* Indexes of indexes are rare. */
#define DEPTH_MAX 4

struct listing {
    const struct registry *registry;
    const struct name *name;
    struct export_platforms *platforms;
};

void export_platform_free(struct export_platforms *platforms)
{
    free(platforms->v);
    *platforms = (struct export_platforms){0};
}

static bool is_index(const struct descriptor *descriptor)
{
    return descriptor->media_type && (!strcmp(descriptor->media_type, MEDIA_TYPE_OCI_INDEX) ||
                                      !strcmp(descriptor->media_type, MEDIA_TYPE_DOCKER_LIST));
}

static int list(const struct listing *listing, const struct manifest *index, int depth,
                struct err *err);

/* What is held only as a layer has no platform, whatever the index says; and what a sparse
 * repository does not have cannot be chosen. */
static int is_image(const struct listing *listing, const struct descriptor *child, struct err *err)
{
    int lacks = tree_lacks(listing->registry, listing->name, &child->digest, err);

    if (lacks)
        return lacks < 0 ? -1 : 0;
    return tree_is_manifest(listing->registry, listing->name, &child->digest, err);
}

static int list_below(const struct listing *listing, const struct descriptor *child, int depth,
                      struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = child->digest};

    int found = depth == DEPTH_MAX ? 0 : is_image(listing, child, err);
    if (found <= 0)
        return found;
    if (pull_read(listing->registry, listing->name, &reference, &pulled, err) < 0)
        return -1;
    return list(listing, &pulled.manifest, depth + 1, err);
}

static int list(const struct listing *listing, const struct manifest *index, int depth,
                struct err *err)
{
    struct export_platforms *platforms = listing->platforms;

    for (size_t i = 0; i < index->n_references; i++) {
        const struct descriptor *child = &index->references[i];
        struct platform platform;
        if (is_index(child)) {
            if (list_below(listing, child, depth, err) < 0)
                return -1;
        } else if (platform_from_json(&platform, json_get(child->json, "platform"))) {
            int found = is_image(listing, child, err);
            if (found < 0)
                return -1;
            if (found == 0)
                continue;
            *ARRAY_ADD(platforms->v, platforms->n) =
                (struct export_platform){child->digest, platform};
        }
    }
    return 0;
}

int export_platform_list(const struct registry *registry, const struct name *name,
                         const struct manifest *index, struct export_platforms *platforms,
                         struct err *err)
{
    const struct listing listing = {registry, name, platforms};

    return list(&listing, index, 0, err);
}

const struct export_platform *export_platform_best(const struct export_platforms *platforms,
                                                   const struct platform *wanted)
{
    const struct export_platform *best = NULL;
    int best_fits = 0;

    for (size_t i = 0; i < platforms->n; i++) {
        int fits = platform_fits(wanted, &platforms->v[i].platform);
        if (fits <= best_fits)
            continue;
        best = &platforms->v[i];
        best_fits = fits;
    }
    return best;
}

static bool is_listed(const struct export_platforms *platforms, const struct export_platform *one)
{
    for (size_t i = 0; i < platforms->n; i++)
        if (digest_equal(&platforms->v[i].digest, &one->digest) ||
            !strcmp(platforms->v[i].platform.os_version, one->platform.os_version))
            return true;
    return false;
}

void export_platform_rivals(const struct export_platforms *platforms, const struct platform *wanted,
                            const struct export_platform *best, struct export_platforms *rivals)
{
    for (size_t i = 0; best && i < platforms->n; i++) {
        const struct export_platform *one = &platforms->v[i];
        if (platform_fits(wanted, &one->platform) == platform_fits(wanted, &best->platform) &&
            !is_listed(rivals, one))
            *ARRAY_ADD(rivals->v, rivals->n) = *one;
    }
}

void export_platform_texts(const struct export_platforms *platforms, struct buf *out)
{
    for (size_t i = 0; i < platforms->n; i++) {
        char text[PLATFORM_TEXT_SIZE];
        platform_text(text, &platforms->v[i].platform);
        buf_addf(out, "%s%s", i ? ", " : "", text);
    }
}
