/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export`: the image of one platform, out of an index. */
#include "transfer/export.h"

#include "registry/pull.h"

#include <stdio.h>
#include <string.h>

/* Indexes of indexes are rare. */
#define DEPTH_MAX 4

struct pick {
    const struct registry *registry;
    const struct name *name;
    const struct platform *platform;
    int best;
    struct digest *digest;
    char *text;
    struct buf *listed;
};

static int pick_of(struct pick *pick, const struct manifest *index, int depth, struct err *err);

static bool is_index(const struct descriptor *descriptor)
{
    return descriptor->media_type && (!strcmp(descriptor->media_type, MEDIA_TYPE_OCI_INDEX) ||
                                      !strcmp(descriptor->media_type, MEDIA_TYPE_DOCKER_LIST));
}

static int pick_below(struct pick *pick, const struct descriptor *child, int depth, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = child->digest};

    if (depth == DEPTH_MAX)
        return 0;
    if (pull_read(pick->registry, pick->name, &reference, &pulled, err) < 0)
        return -1;
    return pick_of(pick, &pulled.manifest, depth + 1, err);
}

/* Of several that fit equally well the first counts, as for docker. */
static int pick_of(struct pick *pick, const struct manifest *index, int depth, struct err *err)
{
    for (size_t i = 0; i < index->n_references; i++) {
        const struct descriptor *child = &index->references[i];
        struct platform there;
        char text[PLATFORM_TEXT_SIZE];
        if (is_index(child)) {
            if (pick_below(pick, child, depth, err) < 0)
                return -1;
            continue;
        }
        if (!platform_from_json(&there, json_get(child->json, "platform")))
            continue;
        platform_text(text, &there);
        buf_addf(pick->listed, "%s%s", pick->listed->len ? ", " : "", text);
        int fits = platform_fits(pick->platform, &there);
        if (fits <= pick->best)
            continue;
        pick->best = fits;
        *pick->digest = child->digest;
        snprintf(pick->text, PLATFORM_TEXT_SIZE, "%s", text);
    }
    return 0;
}

int export_pick(const struct registry *registry, const struct name *name,
                const struct manifest *index, const struct platform *platform,
                struct digest *digest, char *text, struct buf *listed, struct err *err)
{
    struct pick pick = {registry, name, platform, 0, digest, text, listed};

    if (pick_of(&pick, index, 0, err) < 0)
        return -1;
    return pick.best > 0;
}
