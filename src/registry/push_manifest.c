/* SPDX-License-Identifier: Apache-2.0
 * L3: pushing manifests. */
#include "registry/push_manifest.h"

#include "index/types.h"
#include "oci/digester.h"
#include "storage/storage.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/manifest_file.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

/* What is known of a manifest when its JSON is gone. */
struct parsed {
    struct manifest manifest; /* shrunk */
    struct buf descriptor;    /* if it has a subject */
};

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

static int store_bytes(const struct registry *registry, const struct push_manifest *push,
                       const struct digest *digest, struct dirty *dirty, struct err *err)
{
    if (push->bytes)
        return blob_publish_bytes(registry->store, digest, push->bytes, push->len, dirty, err);
    return blob_publish_copy(registry->store, digest, push->fd, (int64_t)push->len, dirty, err);
}

static int add_to_referrers(const struct registry *registry, const struct push_manifest *push,
                            const struct parsed *parsed, const struct digest *digest,
                            struct dirty *dirty, struct err *err)
{
    const struct store *store = registry->store;
    const struct digest *subject = &parsed->manifest.subject;
    struct layout_path path;
    struct stat st;

    if (!parsed->manifest.has_subject)
        return 0;
    int known = fs_stat(&store->fs, layout_referrer(&path, &push->name, subject, digest), &st, err);
    if (known < 0 ||
        referrer_add(store, &push->name, subject, digest, &parsed->descriptor, dirty, err) < 0)
        return -1;
    if (!known) /* what is not noted is read */
        types_note(store, subject, digest, &parsed->descriptor, NULL);
    return 0;
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
                   const struct parsed *parsed, struct pushed_manifest *pushed, struct err *err)
{
    const struct manifest *manifest = &parsed->manifest;
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
        freshen_check(registry, &push->name, manifest, &pushed->missing, err) < 0 ||
        store_bytes(registry, push, digest, &dirty, err) < 0 ||
        add_to_referrers(registry, push, parsed, digest, &dirty, err) < 0 ||
        add_to_indexes(registry, push, digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0 ||
        repo_link_revision(registry->store, &push->name, digest, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    if (lock_repo_change(&repo, err) < 0 || set_tags(registry, push, digest, &dirty, err) < 0)
        return -1;
    tell(registry, push, manifest, digest);
    return 0;
}

/* The descriptor among the referrers of its subject, which is made while its JSON is here. */
static int describe(const struct push_manifest *push, const struct digest *digest,
                    struct parsed *parsed, struct err *err)
{
    const struct manifest *manifest = &parsed->manifest;

    if (!manifest->has_subject)
        return 0;
    if (manifest->is_cut && !push->is_stored)
        return err_set(err, ERR_MANIFEST_TOO_LARGE,
                       "what has a subject may have no text longer than %zu bytes: the list of "
                       "referrers could not show it",
                       JSON_TEXT_MAX);
    manifest_describe(manifest, digest, (int64_t)push->len, &parsed->descriptor);
    return 0;
}

/* Digest and content, from memory or in pieces from the file. *failure: what is wrong with the
 * content, which counts only if the digest is right. */
static int read_manifest(const struct push_manifest *push, struct digest *digest,
                         struct manifest *manifest, struct err *failure)
{
    enum digest_algorithm algorithm =
        push->reference.is_digest ? push->reference.digest.algorithm : DIGEST_SHA256;
    const struct manifest_file file = {
        .fd = push->fd,
        .size = (int64_t)push->len,
        .kind = push->is_stored ? MANIFEST_STORED : MANIFEST_NEW,
        .json_max = JSON_BYTES_MAX,
    };

    if (!push->bytes)
        return manifest_file_parse(&file, algorithm, digest, manifest, failure);
    digester_of(digest, algorithm, push->bytes, push->len);
    return push->is_stored ? manifest_parse_stored(manifest, push->bytes, push->len, failure)
                           : manifest_parse(manifest, push->bytes, push->len, failure);
}

/* What is kept while others are read takes little memory. */
static int parse(const struct push_manifest *push, struct digest *digest, struct parsed *parsed,
                 struct err *err)
{
    struct err failure = {0};

    *digest = (struct digest){.s = ""};
    int read = read_manifest(push, digest, &parsed->manifest, &failure);
    if (push->reference.is_digest && digest->s[0] && !digest_equal(digest, &push->reference.digest))
        return err_set(err, ERR_DIGEST_INVALID, "the manifest has the digest %s", digest->s);
    if (read < 0)
        return err_copy(err, &failure);
    if (manifest_check_type(&parsed->manifest, push->content_type, err) < 0 ||
        describe(push, digest, parsed, err) < 0)
        return -1;
    manifest_shrink(&parsed->manifest);
    return 0;
}

int push_manifest(const struct registry *registry, const struct push_manifest *push,
                  struct pushed_manifest *pushed, struct err *err)
{
    struct parsed parsed = {.descriptor = BUF_INIT};

    pushed->missing.n = 0;
    int result = parse(push, &pushed->digest, &parsed, err);
    if (result == 0)
        result = publish(registry, push, &parsed, pushed, err);
    pushed->has_subject = parsed.manifest.has_subject;
    pushed->subject = parsed.manifest.subject;
    manifest_free(&parsed.manifest);
    buf_free(&parsed.descriptor);
    return result;
}
