/* SPDX-License-Identifier: Apache-2.0
 * L3: removing tags, manifests and blobs from a repository. */
#include "registry/remove.h"

#include "base/clock.h"
#include "registry/immutable.h"
#include "registry/pull.h"
#include "registry/remove_tags.h"
#include "storage/storage.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

static bool no_tag_may_go(const void *context, const struct name *name, const struct tag *tag)
{
    (void)context;
    (void)name;
    (void)tag;
    return false;
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
static int remove_signature(const struct removal *removal, const char *text, struct err *err)
{
    const struct registry *registry = removal->registry;
    AUTO_STRINGS trash = {0};
    AUTO_DIRTY dirty = {0};
    struct digest digest;
    struct tag tag;

    if (tag_parse(&tag, text, strlen(text), err) < 0)
        return -1;
    int found = tag_get(registry->store, removal->name, &tag, &digest, NULL);
    int taken = tag_take(registry->store, removal->name, &tag, &trash, &dirty, err);
    if (taken < 0 ||
        (taken > 0 && remove_tags_taken(registry, removal->name, &tag, found > 0 ? &digest : NULL,
                                        &trash, &dirty, err) < 0))
        return -1;
    if (removal->removed_tags)
        strings_add(removal->removed_tags, tag.s);
    return 0;
}

static int remove_signatures(const struct removal *removal, struct err *err)
{
    for (size_t i = 0; removal->signatures && i < removal->signatures->n; i++)
        if (remove_signature(removal, removal->signatures->v[i], err) < 0)
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

static int take_locks(const struct removal *removal, enum fs_lock kind, struct lock *gc,
                      struct lock *repo, struct err *err)
{
    const struct store *store = removal->registry->store;

    if ((removal->precondition.holds && storage_trust(store, err) < 0) ||
        lock_gc(store, kind, gc, err) < 0)
        return -1;
    return lock_repo(store, removal->name, repo, err);
}

/* That it is there comes before the precondition (RFC 9110, section 13.2.1). 0: it is not. */
static int check_revision(const struct removal *removal, struct repo_stamp *stamp, struct err *err)
{
    const struct digest *digest = &removal->reference->digest;

    int exists = repo_stamp_revision(removal->registry->store, removal->name, digest, stamp, err);
    if (exists <= 0)
        return exists;
    return check_precondition(removal, digest, err) < 0 ? -1 : 1;
}

/* Whether an immutable tag needs it, which takes long. */
static int check_need(const struct removal *removal, struct err *err)
{
    if (!removal->immutable)
        return 0;
    return immutable_check(removal->immutable, removal->registry, removal->name,
                           &removal->reference->digest, err);
}

/* Under the lock: 0: it has to be asked once more. */
static int check_need_again(struct immutable *immutable, const struct registry *registry,
                            const struct name *name, const struct digest *digest,
                            const struct lock *repo, bool at_last, struct err *err)
{
    int holds = immutable_holds(immutable, registry, name, repo, err);

    if (holds == 0 && at_last)
        holds = immutable_look(immutable, registry, name, digest, err) < 0 ? -1 : 1;
    return holds;
}

/* What an attempt to remove a manifest came to. */
enum attempt { FAILED = -1, REMOVED, CHANGED, ABSENT };

/* CHANGED: it is not the one of which it is known that no tag is left, or that none needs. */
static enum attempt unlink_revision(const struct removal *removal, enum fs_lock kind,
                                    const struct repo_stamp *known, bool at_last,
                                    struct dirty *dirty, struct err *err)
{
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    struct repo_stamp stamp;

    if (take_locks(removal, kind, &gc, &repo, err) < 0)
        return FAILED;
    int exists = check_revision(removal, &stamp, err);
    if (exists <= 0)
        return exists < 0 ? FAILED : ABSENT;
    if (stamp.ino != known->ino || stamp.when != known->when)
        return CHANGED;
    int unneeded = 1;
    if (removal->immutable)
        unneeded = check_need_again(removal->immutable, removal->registry, removal->name,
                                    &removal->reference->digest, &repo, at_last, err);
    if (unneeded <= 0)
        return unneeded < 0 ? FAILED : CHANGED;
    if (remove_signatures(removal, err) < 0 ||
        repo_unlink_revision(removal->registry->store, removal->name, &removal->reference->digest,
                             dirty, err) < 0)
        return FAILED;
    return REMOVED;
}

/* It may have been pushed again. An entry that comes back counts for nothing. */
static int forget_referrer(const struct removal *removal, const struct digest *subject,
                           struct err *err)
{
    const struct store *store = removal->registry->store;
    const struct digest *digest = &removal->reference->digest;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    AUTO_DIRTY unneeded = {0};

    if (take_locks(removal, FS_LOCK_SHARED, &gc, &repo, err) < 0)
        return -1;
    int exists = repo_has_revision(store, removal->name, digest, err);
    if (exists)
        return exists < 0 ? -1 : 0;
    return referrer_remove(store, removal->name, subject, digest, &unneeded, err) < 0 ? -1 : 0;
}

/* Names go before what they point at, also those that others took away or moved and may not have
 * synced; and the entry among the referrers last, as it came first. */
static enum attempt attempt(const struct removal *removal, enum fs_lock kind, bool at_last,
                            struct err *err)
{
    const struct registry *registry = removal->registry;
    const struct digest *digest = &removal->reference->digest;
    struct repo_stamp stamp;
    struct digest subject;
    AUTO_DIRTY dirty = {0};

    int exists = check_revision(removal, &stamp, err);
    if (exists <= 0)
        return exists < 0 ? FAILED : ABSENT;
    if (check_need(removal, err) < 0)
        return FAILED;
    int refers = subject_of(registry, removal->name, removal->reference, &subject);
    if (remove_tags_of(registry, removal->name, digest, removal->removed_tags, err) < 0)
        return FAILED;
    enum attempt done = unlink_revision(removal, kind, &stamp, at_last, &dirty, err);
    if (done != REMOVED)
        return done;
    if (dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return FAILED;
    registry_tell(registry, (struct event){.what = EVENT_MANIFEST_DELETED,
                                           .repository = removal->name,
                                           .digest = digest,
                                           .size = -1});
    return refers && forget_referrer(removal, &subject, err) < 0 ? FAILED : REMOVED;
}

/* So often it is asked anew without the lock whether an immutable tag needs it, while others set
 * tags; then under it. */
#define ATTEMPTS 5

/* The tags of a manifest are searched for without a lock. Whoever sets one to it meanwhile pushes
 * the manifest as well, and then all begins anew. */
static int remove_by_digest(const struct removal *removal, enum fs_lock kind, struct err *err)
{
    const int64_t deadline = clock_ms() + removal->registry->store->lock_timeout_ms;
    enum attempt done;
    int n = 0;

    do
        done = attempt(removal, kind, ++n >= ATTEMPTS, err);
    while (done == CHANGED && clock_ms() < deadline);
    if (done == ABSENT)
        return unknown(removal, err);
    if (done == CHANGED)
        return err_set(err, ERR_BUSY, "%s is pushed again and again", removal->reference->digest.s);
    return done == FAILED ? -1 : 0;
}

/* What was found of a tag and is no longer there. */
struct taken {
    struct digest digest;
    bool is_damaged; /* nobody knows what it pointed at */
    struct strings trash;
    struct dirty dirty;
};

/* The manifest's grace begins when its tag goes. 0: there is no such tag. */
static int take_tag(const struct removal *removal, struct taken *taken, struct err *err)
{
    const struct registry *registry = removal->registry;
    const struct tag *tag = &removal->reference->tag;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    struct err damaged;

    if (take_locks(removal, FS_LOCK_SHARED, &gc, &repo, err) < 0)
        return -1;
    int exists = tag_get(registry->store, removal->name, tag, &taken->digest, &damaged);
    if (exists == 0)
        return 0;
    taken->is_damaged = exists < 0;
    const struct digest *digest = exists > 0 ? &taken->digest : NULL;
    if (check_precondition(removal, digest, err) < 0 ||
        remove_tags_check(registry, removal->name, tag, err) < 0 ||
        (digest && repo_touch_revision(registry->store, removal->name, digest, err) < 0))
        return -1;
    return tag_take(registry->store, removal->name, tag, &taken->trash, &taken->dirty, err);
}

static int remove_by_tag(const struct removal *removal, struct err *err)
{
    struct taken taken = {.is_damaged = false};

    int found = take_tag(removal, &taken, err);
    int result = found < 0 ? -1 : 0;
    if (found == 0)
        result = unknown(removal, err);
    if (found > 0)
        result = remove_tags_taken(removal->registry, removal->name, &removal->reference->tag,
                                   taken.is_damaged ? NULL : &taken.digest, &taken.trash,
                                   &taken.dirty, err);
    strings_free(&taken.trash);
    dirty_free(&taken.dirty);
    return result;
}

int remove_manifest(const struct registry *registry, const struct name *name,
                    const struct reference *reference, struct precondition precondition,
                    struct strings *removed_tags, struct err *err)
{
    AUTO_IMMUTABLE immutable = {0};
    const struct removal removal = {registry, name,         reference, precondition,
                                    NULL,     removed_tags, &immutable};

    return reference->is_digest ? remove_by_digest(&removal, FS_LOCK_SHARED, err)
                                : remove_by_tag(&removal, err);
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
    return remove_by_digest(&removal, FS_LOCK_EXCLUSIVE, err);
}

/* Wants lock_gc shared. CHANGED: it has to be asked anew whether an immutable tag needs it; no such
 * tag shall come from when it is known that none does. */
static enum attempt unlink_layer(const struct registry *registry, const struct name *name,
                                 const struct digest *digest, struct immutable *immutable,
                                 bool at_last, struct dirty *dirty, struct err *err)
{
    AUTO_LOCK repo = {-1};

    if (registry->rules.keeps) {
        if (lock_repo(registry->store, name, &repo, err) < 0)
            return FAILED;
        int holds = check_need_again(immutable, registry, name, digest, &repo, at_last, err);
        if (holds <= 0)
            return holds < 0 ? FAILED : CHANGED;
    }
    int removed = repo_unlink_layer(registry->store, name, digest, dirty, err);
    return removed < 0 ? FAILED : removed == 0 ? ABSENT : REMOVED;
}

/* Its name is durably gone. */
static enum attempt attempt_blob(const struct registry *registry, const struct name *name,
                                 const struct digest *digest, bool at_last, struct err *err)
{
    AUTO_IMMUTABLE immutable = {0};
    AUTO_LOCK gc = {-1};
    AUTO_DIRTY dirty = {0};

    if (immutable_check(&immutable, registry, name, digest, err) < 0 ||
        lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return FAILED;
    enum attempt done = unlink_layer(registry, name, digest, &immutable, at_last, &dirty, err);
    return done == REMOVED && dirty_sync(&registry->store->fs, &dirty, err) < 0 ? FAILED : done;
}

int remove_blob(const struct registry *registry, const struct name *name,
                const struct digest *digest, struct err *err)
{
    enum attempt done;
    int n = 0;

    do
        done = attempt_blob(registry, name, digest, ++n >= ATTEMPTS, err);
    while (done == CHANGED);
    if (done == ABSENT)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", digest->s, name->s);
    if (done == FAILED)
        return -1;
    registry_tell(registry, (struct event){.what = EVENT_BLOB_DELETED,
                                           .repository = name,
                                           .digest = digest,
                                           .size = -1});
    return 0;
}
