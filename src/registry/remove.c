/* SPDX-License-Identifier: Apache-2.0
 * L3: removing tags, manifests and blobs from a repository. */
#include "registry/remove.h"

#include "registry/list.h"
#include "registry/pull.h"
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

static int remove_tags(const struct registry *registry, const struct name *name,
                       const struct strings *tags, struct strings *removed, struct err *err)
{
    struct tag tag;

    for (size_t i = 0; i < tags->n; i++) {
        if (tag_parse(&tag, tags->v[i], strlen(tags->v[i]), err) < 0 ||
            tag_remove(registry->store, name, &tag, err) < 0)
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
    return remove_tags(registry, name, &tags, removed, err);
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

/* Names go before what they point at, and the entry among the referrers last, as it came first. */
static int remove_revision(const struct registry *registry, const struct name *name,
                           const struct reference *reference, const struct strings *signatures,
                           struct strings *removed_tags, struct err *err)
{
    AUTO_DIRTY dirty = {0};
    struct digest subject;

    int refers = subject_of(registry, name, reference, &subject);
    if (remove_tags_of(registry, name, &reference->digest, removed_tags, err) < 0 ||
        (signatures && remove_tags(registry, name, signatures, removed_tags, err) < 0) ||
        repo_unlink_revision(registry->store, name, &reference->digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    if (refers &&
        referrer_remove(registry->store, name, &subject, &reference->digest, &dirty, err) < 0)
        return -1;
    return dirty_sync(&registry->store->fs, &dirty, err);
}

static int lock_and_remove(const struct registry *registry, enum fs_lock kind,
                           const struct name *name, const struct reference *reference,
                           struct precondition precondition, const struct strings *signatures,
                           struct strings *removed_tags, struct err *err)
{
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    struct digest current;
    struct err damaged;

    if (lock_gc(registry->store, kind, &gc, err) < 0 ||
        lock_repo(registry->store, name, &repo, err) < 0)
        return -1;
    int exists = reference->is_digest
                     ? repo_has_revision(registry->store, name, &reference->digest, err)
                     : tag_get(registry->store, name, &reference->tag, &current, &damaged);
    if (reference->is_digest) {
        if (exists < 0)
            return -1;
        current = reference->digest;
    }
    if (exists ==
        0) /* before the precondition, which is for what is there (RFC 9110, section 13.2.1) */
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    /* A damaged tag can be removed, but it meets no condition. */
    if (precondition.holds &&
        !precondition.holds(precondition.context, exists > 0 ? &current : NULL))
        return err_set(err, ERR_PRECONDITION, "%s is %s now", reference_text(reference),
                       exists > 0 ? current.s : "not there");
    if (exists && !reference->is_digest && check_tag(registry, name, &reference->tag, err) < 0)
        return -1;
    /* The manifest's grace begins when its tag goes. */
    if (exists > 0 && !reference->is_digest &&
        repo_touch_revision(registry->store, name, &current, err) < 0)
        return -1;
    if (exists && !reference->is_digest)
        exists = tag_remove(registry->store, name, &reference->tag, err);
    else if (exists &&
             remove_revision(registry, name, reference, signatures, removed_tags, err) < 0)
        return -1;
    if (exists == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(reference), name->s);
    return exists < 0 ? -1 : 0;
}

int remove_manifest(const struct registry *registry, const struct name *name,
                    const struct reference *reference, struct precondition precondition,
                    struct strings *removed_tags, struct err *err)
{
    return lock_and_remove(registry, FS_LOCK_SHARED, name, reference, precondition, NULL,
                           removed_tags, err);
}

int remove_unused(const struct registry *registry, const struct name *name,
                  const struct digest *digest, struct precondition precondition,
                  const struct strings *signatures, struct err *err)
{
    const struct reference reference = {.is_digest = true, .digest = *digest};
    struct registry strict = *registry;

    strict.rules.may_move = no_tag_may_go;
    return lock_and_remove(&strict, FS_LOCK_EXCLUSIVE, name, &reference, precondition, signatures,
                           NULL, err);
}

int remove_blob(const struct registry *registry, const struct name *name,
                const struct digest *digest, struct err *err)
{
    AUTO_LOCK gc = {-1};
    AUTO_DIRTY dirty = {0};

    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    int removed = repo_unlink_layer(registry->store, name, digest, &dirty, err);
    if (removed == 0)
        return err_set(err, ERR_BLOB_UNKNOWN, "%s in %s", digest->s, name->s);
    return removed < 0 ? -1 : dirty_sync(&registry->store->fs, &dirty, err);
}
