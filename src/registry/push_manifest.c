/* SPDX-License-Identifier: Apache-2.0
 * L3: pushing manifests. */
#include "registry/push_manifest.h"

#include "oci/digester.h"
#include "store/blob.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/storage.h"
#include "store/tag.h"

static int current_digest(const struct registry *registry, const struct push_manifest *push,
                          struct digest *current, struct err *err)
{
    if (!push->reference.is_digest)
        return tag_get(registry->store, &push->name, &push->reference.tag, current, err);
    *current = push->reference.digest;
    return repo_has_revision(registry->store, &push->name, current, err);
}

static int check_precondition(const struct registry *registry, const struct push_manifest *push,
                              struct err *err)
{
    struct digest current;

    if (!push->precondition.holds)
        return 0;
    int exists = current_digest(registry, push, &current, err);
    if (exists < 0)
        return -1;
    if (push->precondition.holds(push->precondition.context, exists ? &current : NULL))
        return 0;
    return err_set(err, ERR_PRECONDITION, "%s is %s now", reference_text(&push->reference),
                   exists ? current.s : "not there");
}

static size_t tags_of(const struct push_manifest *push, const struct tag **tags)
{
    *tags = push->reference.is_digest ? push->tags : &push->reference.tag;
    return push->reference.is_digest ? push->n_tags : 1;
}

/* A tag that is not there yet may be made, and one that stays where it is does not move. A damaged
 * one points at nothing. */
static int check_tags(const struct registry *registry, const struct push_manifest *push,
                      const struct digest *digest, struct err *err)
{
    const struct tag *tags;
    size_t n = tags_of(push, &tags);
    const struct registry_rules *rules = &registry->rules;
    struct digest current;

    for (size_t i = 0; rules->may_move && i < n; i++)
        if (tag_get(registry->store, &push->name, &tags[i], &current, NULL) > 0 &&
            !digest_equal(&current, digest) &&
            !rules->may_move(rules->context, &push->name, &tags[i]))
            return err_set(err, ERR_DENIED, "the tag %s is immutable", tags[i].s);
    return 0;
}

/* What depends on seeing at once what other hosts did: a precondition, and that a tag stays. */
static int check_storage(const struct registry *registry, const struct push_manifest *push,
                         struct err *err)
{
    const struct registry_rules *rules = &registry->rules;
    const struct tag *tags;
    size_t n = tags_of(push, &tags);
    bool depends = push->precondition.holds != NULL;
    struct err why;

    if (storage_trust(registry->store, &why) == 0)
        return 0;
    for (size_t i = 0; rules->may_move && i < n && !depends; i++)
        depends = !rules->may_move(rules->context, &push->name, &tags[i]);
    return depends ? err_copy(err, &why) : 0;
}

/* The grace of a manifest that loses its tag begins when it does. A damaged tag points at nothing.
 */
static int leave_tag(const struct registry *registry, const struct name *name,
                     const struct tag *tag, const struct digest *next, struct err *err)
{
    struct digest current;

    if (tag_get(registry->store, name, tag, &current, NULL) <= 0 || digest_equal(&current, next))
        return 0;
    return repo_touch_revision(registry->store, name, &current, err) < 0 ? -1 : 0;
}

/* What a tag ever pointed at: nobody sees it before the tag. */
static int add_to_indexes(const struct registry *registry, const struct push_manifest *push,
                          const struct digest *digest, struct dirty *dirty, struct err *err)
{
    const struct tag *tags;
    size_t n = tags_of(push, &tags);

    for (size_t i = 0; i < n; i++)
        if (tag_add_index(registry->store, &push->name, &tags[i], digest, dirty, err) < 0)
            return -1;
    return 0;
}

static int set_tags(const struct registry *registry, const struct push_manifest *push,
                    const struct digest *digest, struct dirty *dirty, struct err *err)
{
    const struct tag *tags;
    size_t n = tags_of(push, &tags);

    for (size_t i = 0; i < n; i++)
        if (leave_tag(registry, &push->name, &tags[i], digest, err) < 0 ||
            tag_set(registry->store, &push->name, &tags[i], digest, dirty, err) < 0)
            return -1;
    return dirty_sync(&registry->store->fs, dirty, err);
}

static int add_to_referrers(const struct registry *registry, const struct push_manifest *push,
                            const struct manifest *manifest, const struct digest *digest,
                            struct dirty *dirty, struct err *err)
{
    AUTO_BUF descriptor = BUF_INIT;

    if (!manifest->has_subject)
        return 0;
    manifest_describe(manifest, digest, (int64_t)push->len, &descriptor);
    return referrer_add(registry->store, &push->name, &manifest->subject, digest, &descriptor,
                        dirty, err);
}

static void tell(const struct registry *registry, const struct push_manifest *push,
                 const struct manifest *manifest, const struct digest *digest)
{
    struct event event = {
        .what = EVENT_MANIFEST_PUSHED,
        .repository = &push->name,
        .digest = digest,
        .media_type = manifest->media_type,
        .size = (int64_t)push->len,
    };
    const struct tag *tags;
    size_t n = tags_of(push, &tags);

    if (!push->only_tags)
        registry_tell(registry, event);
    event.what = EVENT_TAG_PUSHED;
    for (size_t i = 0; i < n; i++) {
        event.tag = &tags[i];
        registry_tell(registry, event);
    }
}

/* Three durable steps: what nobody finds yet, the link by which the manifest is there, its tags.
 * The entry among the referrers comes before the link: nobody sees an entry without the manifest,
 * but a manifest without its entry would be a signature that nobody finds. */
static int publish(const struct registry *registry, const struct push_manifest *push,
                   const struct manifest *manifest, struct pushed_manifest *pushed, struct err *err)
{
    const struct digest *digest = &pushed->digest;
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};
    AUTO_DIRTY dirty = {0};

    /* What takes long comes before the repository's lock. */
    if (check_storage(registry, push, err) < 0 || check_precondition(registry, push, err) < 0 ||
        check_tags(registry, push, digest, err) < 0 ||
        lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0 ||
        freshen_references(registry, &push->name, manifest, !push->is_stored, &dirty,
                           &pushed->missing, err) < 0 ||
        lock_repo(registry->store, &push->name, &repo, err) < 0 ||
        check_precondition(registry, push, err) < 0 ||
        check_tags(registry, push, digest, err) < 0 ||
        blob_publish_bytes(registry->store, digest, push->bytes, push->len, &dirty, err) < 0 ||
        add_to_referrers(registry, push, manifest, digest, &dirty, err) < 0 ||
        add_to_indexes(registry, push, digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0 ||
        repo_link_revision(registry->store, &push->name, digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    if (set_tags(registry, push, digest, &dirty, err) < 0)
        return -1;
    tell(registry, push, manifest, digest);
    return 0;
}

int push_manifest(const struct registry *registry, const struct push_manifest *push,
                  struct pushed_manifest *pushed, struct err *err)
{
    AUTO_MANIFEST manifest = {0};

    pushed->missing.n = 0;
    digester_of(&pushed->digest,
                push->reference.is_digest ? push->reference.digest.algorithm : DIGEST_SHA256,
                push->bytes, push->len);
    if (push->reference.is_digest && !digest_equal(&pushed->digest, &push->reference.digest))
        return err_set(err, ERR_DIGEST_INVALID, "the manifest has the digest %s", pushed->digest.s);
    int parsed = push->is_stored ? manifest_parse_stored(&manifest, push->bytes, push->len, err)
                                 : manifest_parse(&manifest, push->bytes, push->len, err);
    if (parsed < 0 || manifest_check_type(&manifest, push->content_type, err) < 0 ||
        publish(registry, push, &manifest, pushed, err) < 0)
        return -1;
    pushed->has_subject = manifest.has_subject;
    pushed->subject = manifest.subject;
    return 0;
}
