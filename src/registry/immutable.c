/* SPDX-License-Identifier: Apache-2.0
 * L3: whether an immutable tag needs something. */
#include "registry/immutable.h"

#include "base/array.h"
#include "registry/pull.h"
#include "registry/tree.h"
#include "storage/storage.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdlib.h>
#include <string.h>

/* One look through all that the tags reach. */
struct search {
    struct immutable *immutable;
    const struct registry *registry;
    const struct name *name;
    const struct digest *wanted;
    struct digest_packed *todo; /* manifests */
    size_t n;
};

void immutable_free(struct immutable *immutable)
{
    digest_map_free(&immutable->seen);
    free(immutable->missing);
    immutable->missing = NULL;
    immutable->n_missing = 0;
}

static void add(struct search *search, const struct digest *digest)
{
    digest_key_pack(ARRAY_ADD(search->todo, search->n), digest);
}

/* 0: it is missing, or is no manifest but a layer that an index names (BuildKit's cache). What one
 * needs that is damaged, or beyond manifest_limit, nobody knows: an error. */
static int read_manifest(const struct search *search, const struct digest *digest,
                         struct pulled_manifest *pulled, struct err *err)
{
    const struct reference reference = {.is_digest = true, .digest = *digest};
    struct err failure;

    int is_manifest = tree_is_manifest(search->registry, search->name, digest, err);
    if (is_manifest <= 0)
        return is_manifest;
    if (pull_read(search->registry, search->name, &reference, pulled, &failure) == 0)
        return 1;
    return failure.code == ERR_MANIFEST_UNKNOWN ? 0 : err_copy(err, &failure);
}

/* 1: it names what is wanted. */
static int look_into(struct search *search, const struct digest *digest, struct err *err)
{
    AUTO_PULLED pulled = {0};

    if (digest_map_get(&search->immutable->seen, digest))
        return 0;
    int found = read_manifest(search, digest, &pulled, err);
    if (found < 0)
        return -1;
    *digest_map_put(&search->immutable->seen, digest) = 1;
    if (found == 0)
        digest_key_pack(ARRAY_ADD(search->immutable->missing, search->immutable->n_missing),
                        digest);
    for (size_t i = 0; i < pulled.manifest.n_references; i++) {
        const struct descriptor *reference = &pulled.manifest.references[i];
        if (digest_equal(&reference->digest, search->wanted))
            return 1;
        if (reference->role == DESCRIPTOR_CHILD)
            add(search, &reference->digest);
    }
    return 0;
}

static int look_through(struct search *search, const struct tag *tag, struct err *err)
{
    struct digest digest;
    int found = 0;

    if (tag_get(search->registry->store, search->name, tag, &digest, NULL) <= 0)
        return 0;
    if (!digest_equal(&digest, search->wanted))
        add(search, &digest);
    while (search->n && found == 0) {
        digest_key_unpack(&search->todo[--search->n], &digest);
        found = look_into(search, &digest, err);
    }
    return found;
}

static int look_through_all(struct search *search, const struct strings *tags, struct err *err)
{
    const struct registry_rules *rules = &search->registry->rules;
    struct tag tag;

    for (size_t i = 0; i < tags->n; i++) {
        if (tag_parse(&tag, tags->v[i], strlen(tags->v[i]), NULL) < 0 ||
            !rules->keeps(rules->context, search->name, &tag))
            continue;
        int found = look_through(search, &tag, err);
        if (found < 0)
            return -1;
        if (found)
            return err_set(err, ERR_DENIED, "the immutable tag %s needs %s", tag.s,
                           search->wanted->s);
    }
    return 0;
}

/* Whether there can be such a tag at all. */
static bool any_keeps(const struct registry *registry, const struct name *name)
{
    const struct registry_rules *rules = &registry->rules;

    return rules->keeps && rules->keeps(rules->context, name, NULL);
}

int immutable_look(struct immutable *immutable, const struct registry *registry,
                   const struct name *name, const struct digest *digest, struct err *err)
{
    struct search search = {immutable, registry, name, digest, NULL, 0};
    AUTO_STRINGS tags = {0};

    if (!any_keeps(registry, name))
        return 0;
    if (storage_trust(registry->store, err) < 0)
        return -1;
    if (immutable->n_missing) /* who knows whether it has come */
        immutable_free(immutable);
    int result = tag_list(registry->store, name, &tags, err) < 0
                     ? -1
                     : look_through_all(&search, &tags, err);
    free(search.todo);
    return result;
}

/* Who set a tag before is done with it. */
static int note_turn(struct immutable *immutable, const struct store *store,
                     const struct name *name, struct err *err)
{
    AUTO_LOCK repo = {-1};

    return lock_repo(store, name, &repo, err) < 0 ? -1
                                                  : lock_repo_turn(&repo, &immutable->turn, err);
}

int immutable_check(struct immutable *immutable, const struct registry *registry,
                    const struct name *name, const struct digest *digest, struct err *err)
{
    if (any_keeps(registry, name) && note_turn(immutable, registry->store, name, err) < 0)
        return -1;
    return immutable_look(immutable, registry, name, digest, err);
}

/* A manifest comes under the lock, too, but no tag is set with it. */
static int still_missing(const struct immutable *immutable, const struct registry *registry,
                         const struct name *name, struct err *err)
{
    struct digest digest;
    int has = 0;

    for (size_t i = 0; i < immutable->n_missing && has == 0; i++) {
        digest_key_unpack(&immutable->missing[i], &digest);
        has = repo_has_revision(registry->store, name, &digest, err);
    }
    return has < 0 ? -1 : !has;
}

int immutable_holds(const struct immutable *immutable, const struct registry *registry,
                    const struct name *name, const struct lock *repo, struct err *err)
{
    uint64_t turn;

    if (!any_keeps(registry, name))
        return 1;
    if (lock_repo_turn(repo, &turn, err) < 0)
        return -1;
    return turn == immutable->turn ? still_missing(immutable, registry, name, err) : 0;
}
