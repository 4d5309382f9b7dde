/* SPDX-License-Identifier: Apache-2.0
 * L3: removing tags, manifests and blobs from a repository. */
#include "registry/remove.h"

#include "registry/immutable.h"
#include "registry/list.h"
#include "registry/pull.h"
#include "storage/storage.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

static int check_tag(const struct registry *registry, const struct name *name,
                     const struct tag *tag, struct err *err)
{
    const struct registry_rules *rules = &registry->rules;

    if (!rules->may_move || rules->may_move(rules->context, name, tag))
        return 0;
    return err_set(err, ERR_DENIED, "the tag %s is immutable", tag->s);
}

/* digest NULL: what it points at is not known. 0: there is no such tag. */
static int remove_tag(const struct registry *registry, const struct name *name,
                      const struct tag *tag, const struct digest *digest, struct err *err)
{
    int removed = tag_remove(registry->store, name, tag, err);

    if (removed > 0)
        registry_tell(registry, (struct event){.what = EVENT_TAG_DELETED,
                                               .repository = name,
                                               .tag = tag,
                                               .digest = digest,
                                               .size = -1});
    return removed;
}

static int remove_tags(const struct registry *registry, const struct name *name,
                       const struct strings *tags, const struct digest *digest,
                       struct strings *removed, struct err *err)
{
    struct tag tag;

    for (size_t i = 0; i < tags->n; i++) {
        if (tag_parse(&tag, tags->v[i], strlen(tags->v[i]), err) < 0 ||
            remove_tag(registry, name, &tag, digest, err) < 0)
            return -1;
        if (removed)
            strings_add(removed, tag.s);
    }
    return 0;
}

static bool no_tag_may_go(const void *context, const struct name *name, const struct tag *tag)
{
    (void)context;
    (void)name;
    (void)tag;
    return false;
}

/* All that point at the digest, or, if one of them has to stay, none. */
static int remove_tags_of(const struct registry *registry, const struct name *name,
                          const struct digest *digest, struct strings *removed, struct err *err)
{
    AUTO_STRINGS tags = {0};
    struct tag tag;

    if (list_tags_of(registry, name, digest, &tags, err) < 0)
        return -1;
    for (size_t i = 0; i < tags.n; i++)
        if (tag_parse(&tag, tags.v[i], strlen(tags.v[i]), err) < 0 ||
            check_tag(registry, name, &tag, err) < 0)
            return -1;
    return remove_tags(registry, name, &tags, digest, removed, err);
}

/* The manifest's subject. 0: it has none; one that can't be read has none that anyone could see. */
static int subject_of(const struct registry *registry, const struct name *name,
                      const struct reference *reference, struct digest *subject)
{
    AUTO_PULLED pulled = {0};

    if (pull_read(registry, name, reference, &pulled, NULL) < 0 || !pulled.manifest.has_subject)
        return 0;
    *subject = pulled.manifest.subject;
    return 1;
}

/* One manifest or tag, and how it is to be removed. */
struct removal {
    const struct registry *registry;
    const struct name *name;
    const struct reference *reference;
    struct precondition precondition;
    const struct strings *signatures; /* tags that go with it; NULL: none */
    struct strings *removed_tags;     /* NULL: nobody wants to know */
    struct immutable *immutable;      /* NULL: it is known that no tag needs it */
};

/* The tags of signatures point at manifests of their own. */
static int remove_signatures(const struct removal *removal, struct err *err)
{
    struct digest digest;
    struct tag tag;

    for (size_t i = 0; removal->signatures && i < removal->signatures->n; i++) {
        const char *text = removal->signatures->v[i];
        if (tag_parse(&tag, text, strlen(text), err) < 0)
            return -1;
        int found = tag_get(removal->registry->store, removal->name, &tag, &digest, NULL);
        if (remove_tag(removal->registry, removal->name, &tag, found > 0 ? &digest : NULL, err) < 0)
            return -1;
        if (removal->removed_tags)
            strings_add(removal->removed_tags, tag.s);
    }
    return 0;
}

/* Names go before what they point at, also those that others took away or moved and may not have
 * synced; and the entry among the referrers last, as it came first: one that comes back counts for
 * nothing. */
static int remove_revision(const struct removal *removal, struct err *err)
{
    const struct registry *registry = removal->registry;
    const struct name *name = removal->name;
    const struct digest *digest = &removal->reference->digest;
    AUTO_DIRTY dirty = {0};
    struct digest subject;

    int refers = subject_of(registry, name, removal->reference, &subject);
    if (remove_tags_of(registry, name, digest, removal->removed_tags, err) < 0 ||
        remove_signatures(removal, err) < 0 ||
        tag_settle_all(registry->store, name, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0 ||
        repo_unlink_revision(registry->store, name, digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    registry_tell(registry, (struct event){.what = EVENT_MANIFEST_DELETED,
                                           .repository = name,
                                           .digest = digest,
                                           .size = -1});
    if (refers && referrer_remove(registry->store, name, &subject, digest, &dirty, err) < 0)
        return -1;
    return 0;
}

/* That it is not there may be what another process did and has not synced. */
static int unknown(const struct removal *removal, struct err *err)
{
    const struct store *store = removal->registry->store;
    const struct reference *reference = removal->reference;
    AUTO_DIRTY dirty = {0};

    int settled = reference->is_digest
                      ? repo_settle_revision(store, removal->name, &reference->digest, &dirty, err)
                      : tag_settle(store, removal->name, &reference->tag, &dirty, err);
    if (settled < 0 || dirty_sync(&store->fs, &dirty, err) < 0)
        return -1;
    return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(removal->reference),
                   removal->name->s);
}

/* current NULL: the tag is damaged. It can be removed, but it meets no condition. */
static int check_precondition(const struct removal *removal, const struct digest *current,
                              struct err *err)
{
    const struct precondition *precondition = &removal->precondition;

    if (!precondition->holds || precondition->holds(precondition->context, current))
        return 0;
    return err_set(err, ERR_PRECONDITION, "%s is %s now", reference_text(removal->reference),
                   current ? current->s : "not there");
}

static int check_need(const struct removal *removal, struct err *err)
{
    if (!removal->reference->is_digest || !removal->immutable)
        return 0;
    return immutable_check(removal->immutable, removal->registry, removal->name,
                           &removal->reference->digest, err);
}

/* That it is there comes before the precondition (RFC 9110, section 13.2.1). */
static int remove_by_digest(const struct removal *removal, struct err *err)
{
    const struct digest *digest = &removal->reference->digest;

    int exists = repo_has_revision(removal->registry->store, removal->name, digest, err);
    if (exists <= 0)
        return exists < 0 ? -1 : unknown(removal, err);
    if (check_precondition(removal, digest, err) < 0 || check_need(removal, err) < 0)
        return -1;
    return remove_revision(removal, err);
}

/* The manifest's grace begins when its tag goes. */
static int remove_by_tag(const struct removal *removal, struct err *err)
{
    const struct registry *registry = removal->registry;
    const struct tag *tag = &removal->reference->tag;
    struct digest current;
    struct err damaged;

    int exists = tag_get(registry->store, removal->name, tag, &current, &damaged);
    if (exists == 0)
        return unknown(removal, err);
    const struct digest *digest = exists > 0 ? &current : NULL;
    if (check_precondition(removal, digest, err) < 0 ||
        check_tag(registry, removal->name, tag, err) < 0 ||
        (digest && repo_touch_revision(registry->store, removal->name, digest, err) < 0))
        return -1;
    int removed = remove_tag(registry, removal->name, tag, digest, err);
    return removed == 0 ? unknown(removal, err) : removed < 0 ? -1 : 0;
}

static int lock_and_remove(const struct removal *removal, enum fs_lock kind, struct err *err)
{
    const struct store *store = removal->registry->store;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};

    if ((removal->precondition.holds && storage_trust(store, err) < 0) ||
        lock_gc(store, kind, &gc, err) < 0 || lock_repo(store, removal->name, &repo, err) < 0)
        return -1;
    return removal->reference->is_digest ? remove_by_digest(removal, err)
                                         : remove_by_tag(removal, err);
}

int remove_manifest(const struct registry *registry, const struct name *name,
                    const struct reference *reference, struct precondition precondition,
                    struct strings *removed_tags, struct err *err)
{
    AUTO_IMMUTABLE immutable = {0};
    const struct removal removal = {registry, name,         reference, precondition,
                                    NULL,     removed_tags, &immutable};

    if (check_need(&removal, err) < 0)
        return -1;
    return lock_and_remove(&removal, FS_LOCK_SHARED, err);
}

int remove_unused(const struct registry *registry, const struct name *name,
                  const struct digest *digest, struct precondition precondition,
                  const struct strings *signatures, struct err *err)
{
    const struct reference reference = {.is_digest = true, .digest = *digest};
    struct registry strict = *registry;
    const struct removal removal = {&strict,    name, &reference, precondition,
                                    signatures, NULL, NULL};

    strict.rules.may_move = no_tag_may_go;
    return lock_and_remove(&removal, FS_LOCK_EXCLUSIVE, err);
}

/* Wants lock_gc shared. */
static int unlink_layer(const struct registry *registry, const struct name *name,
                        const struct digest *digest, struct immutable *immutable,
                        struct dirty *dirty, struct err *err)
{
    AUTO_LOCK repo = {-1};

    /* No immutable tag shall come that needs it, from when it is known that none does. */
    if (registry->rules.keeps && (lock_repo(registry->store, name, &repo, err) < 0 ||
                                  immutable_check(immutable, registry, name, digest, err) < 0))
        return -1;
    return repo_unlink_layer(registry->store, name, digest, dirty, err);
}

int remove_blob(const struct registry *registry, const struct name *name,
                const struct digest *digest, struct err *err)
{
    AUTO_IMMUTABLE immutable = {0};
    AUTO_LOCK gc = {-1};
    AUTO_DIRTY dirty = {0};

    if (immutable_check(&immutable, registry, name, digest, err) < 0 ||
        lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    int removed = unlink_layer(registry, name, digest, &immutable, &dirty, err);
    if (removed == 0)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", digest->s, name->s);
    if (removed < 0 || dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    registry_tell(registry, (struct event){.what = EVENT_BLOB_DELETED,
                                           .repository = name,
                                           .digest = digest,
                                           .size = -1});
    return 0;
}
