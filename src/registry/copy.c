/* SPDX-License-Identifier: Apache-2.0
 * L3: copying manifests from repository to repository. */
#include "registry/copy.h"

#include "oci/attached.h"
#include "oci/digest_map.h"
#include "registry/push_blob.h"
#include "registry/push_manifest.h"
#include "store/blob.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

struct copying {
    const struct registry *registry;
    const struct copy *copy;
    struct digest_map seen;   /* 1: as a blob, 2: as a manifest, 3: as both */
    struct strings manifests; /* that are copied: their digests */
};

/* Where a tag pointed before it moved: asked for under the lock under which it is moved. */
struct move {
    const struct registry *registry;
    const struct digest *to;
    bool moved;
    struct digest from;
};

static bool note_move(const void *context, const struct name *name, const struct tag *tag)
{
    struct move *move = *(struct move *const *)context;

    move->moved = tag_get(move->registry->store, name, tag, &move->from, NULL) > 0 &&
                  !digest_equal(&move->from, move->to);
    return true;
}

static void tell(const struct copying *copying, struct copy_step step)
{
    if (copying->copy->done)
        copying->copy->done(copying->copy->context, &step);
}

static int push_copy(const struct copying *copying, const struct pulled_manifest *pulled,
                     const struct tag *tag, struct err *err)
{
    struct move move = {.registry = copying->registry, .to = &pulled->digest};
    struct move *noted = &move;
    struct registry registry = *copying->registry;
    struct pushed_manifest pushed;
    struct push_manifest push = {
        .name = copying->copy->to,
        .reference = {.is_digest = true, .digest = pulled->digest},
        .tags = tag,
        .n_tags = tag ? 1 : 0,
        .bytes = pulled->has_file ? NULL : pulled->bytes.s,
        .fd = pulled->fd,
        .len = (size_t)pulled->size,
        .is_stored = true,
        .only_tags = tag != NULL,
    };

    registry.rules = (struct registry_rules){.may_move = note_move, .context = &noted};
    if (push_manifest(&registry, &push, &pushed, err) < 0)
        return -1;
    tell(copying, (struct copy_step){&pulled->digest, true, tag, move.moved ? &move.from : NULL});
    return 0;
}

static void check_size(const struct copying *copying, const struct descriptor *descriptor,
                       int64_t size)
{
    const struct copy *copy = copying->copy;

    if (copy->odd_size && descriptor && descriptor->size >= 0 && descriptor->size != size)
        copy->odd_size(copy->context, descriptor, size);
}

/* What a sparse repository has no link to as a blob it lacks, even if it is a manifest there. */
static int lacks_blob(const struct copying *copying, const struct digest *digest, struct err *err)
{
    const struct registry *registry = copying->registry;

    if (!registry_is_sparse(registry, &copying->copy->from))
        return 0;
    int has = repo_has_layer(registry->store, &copying->copy->from, digest, err);
    return has < 0 ? -1 : !has;
}

static int link_blob(const struct copying *copying, const struct descriptor *descriptor,
                     struct err *err)
{
    const struct copy *copy = copying->copy;
    int64_t size;

    int linked =
        push_blob_mount(copying->registry, &copy->to, &descriptor->digest, &copy->from, err);
    if (linked < 0)
        return -1;
    int lacks = linked ? 0 : lacks_blob(copying, &descriptor->digest, err);
    if (lacks < 0)
        return -1;
    if (linked == 0 && !descriptor->has_urls && !lacks)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", descriptor->digest.s, copy->from.s);
    if (linked == 0)
        return 0;
    tell(copying, (struct copy_step){&descriptor->digest, false, NULL, NULL});
    if (blob_stat(copying->registry->store, &descriptor->digest, &size, NULL) > 0)
        check_size(copying, descriptor, size);
    return 0;
}

static int visit(void *context, const struct tree_entry *entry, struct err *err)
{
    struct copying *copying = context;

    uint32_t as = entry->manifest ? 2 : 1;
    uint32_t *seen = digest_map_put(&copying->seen, entry->digest);
    if (*seen & as)
        return 0;
    *seen |= as;
    if (!entry->manifest)
        return link_blob(copying, entry->descriptor, err);
    check_size(copying, entry->descriptor, entry->manifest->size);
    strings_add(&copying->manifests, entry->digest->s);
    manifest_shrink(&entry->manifest->manifest); /* it is parsed again */
    return push_copy(copying, entry->manifest, NULL, err);
}

static int set_tag(const struct copying *copying, const struct digest *digest,
                   const struct tag *tag, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference = {.is_digest = true, .digest = *digest};

    if (pull_read(copying->registry, &copying->copy->from, &reference, &pulled, err) < 0)
        return -1;
    manifest_shrink(&pulled.manifest);
    return push_copy(copying, &pulled, tag, err);
}

static int copy_tree(struct copying *copying, const struct digest *digest, struct err *err)
{
    const struct copy *copy = copying->copy;

    return tree_walk(copying->registry, &copy->from, digest, copy->referrers, visit, copying, err);
}

/* The list of referrers that a client keeps in a tag is easily out of date. */
static bool is_outdated(enum attached_kind kind, const struct err *failure)
{
    return kind == ATTACHED_REFERRERS &&
           (failure->code == ERR_MANIFEST_UNKNOWN || failure->code == ERR_BLOB_UNKNOWN);
}

static int copy_attached_tag(struct copying *copying, const struct digest *subject,
                             enum attached_kind kind, struct err *err)
{
    struct tag tag;
    struct digest digest;
    struct err failure;

    if (!attached_tag(&tag, subject, kind))
        return 0;
    int found = tag_get(copying->registry->store, &copying->copy->from, &tag, &digest, err);
    if (found <= 0 || digest_equal(&digest, subject))
        return found < 0 ? -1 : 0;
    if (copy_tree(copying, &digest, &failure) < 0)
        return is_outdated(kind, &failure) ? 0 : err_copy(err, &failure);
    return set_tag(copying, &digest, &tag, err);
}

/* Those of signatures too, which are added to the list behind us. */
static int copy_attached_tags(struct copying *copying, struct err *err)
{
    for (size_t i = 0; i < copying->manifests.n; i++) {
        const char *text = copying->manifests.v[i];
        struct digest subject;
        if (digest_parse(&subject, text, strlen(text), err) < 0)
            return -1;
        for (int k = 0; k < ATTACHED_KINDS; k++)
            if (copy_attached_tag(copying, &subject, (enum attached_kind)k, err) < 0)
                return -1;
    }
    return 0;
}

int copy_manifest(const struct registry *registry, const struct copy *copy, struct err *err)
{
    struct copying copying = {.registry = registry, .copy = copy};
    bool here = !strcmp(copy->from.s, copy->to.s);

    int result = here ? 0 : copy_tree(&copying, &copy->digest, err);
    if (result == 0 && !here && copy->referrers)
        result = copy_attached_tags(&copying, err);
    if (result == 0 && copy->tag)
        result = set_tag(&copying, &copy->digest, copy->tag, err);
    digest_map_free(&copying.seen);
    strings_free(&copying.manifests);
    return result;
}
