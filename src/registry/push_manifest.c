/* SPDX-License-Identifier: Apache-2.0
 * L3: pushing manifests. */
#include "registry/push_manifest.h"

#include "base/mem.h"
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

#include <stdlib.h>
#include <string.h>

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

/* One publication. Its files are made before they get their names: the manifest's bytes and its
 * entry among the referrers, the link by which it is there, and of each tag that among all that it
 * ever pointed at, and the tag itself. */
struct publishing {
    const struct registry *registry;
    const struct push_manifest *push;
    const struct parsed *parsed;
    struct pushed_manifest *pushed;
    struct dirty dirty; /* what it builds on */
    struct fs_new blob, referrer, revision, *index, *current;
    bool linked; /* by us */
};

static void publishing_free(struct publishing *p)
{
    const struct tag *tags;
    size_t n = tags_of(p->push, &tags);

    fs_new_drop(&p->blob);
    fs_new_drop(&p->referrer);
    fs_new_drop(&p->revision);
    for (size_t i = 0; p->index && i < n; i++) {
        fs_new_drop(&p->index[i]);
        fs_new_drop(&p->current[i]);
    }
    free(p->index);
    free(p->current);
    dirty_free(&p->dirty);
}

static int make_link(struct publishing *p, struct fs_new *link, struct err *err)
{
    const char *text = p->pushed->digest.s;

    return store_prepare(p->registry->store, text, strlen(text), link, &p->dirty, err);
}

static int make_links(struct publishing *p, struct err *err)
{
    const struct tag *tags;
    size_t n = tags_of(p->push, &tags);

    if (!p->index) {
        p->index = mem_alloc(n * sizeof *p->index);
        p->current = mem_alloc(n * sizeof *p->current);
    }
    int result = make_link(p, &p->revision, err);
    for (size_t i = 0; i < n && result == 0; i++) {
        result = make_link(p, &p->index[i], err);
        if (result == 0)
            result = make_link(p, &p->current[i], err);
    }
    return result;
}

static int make_content(struct publishing *p, struct err *err)
{
    const struct store *store = p->registry->store;
    const struct push_manifest *push = p->push;
    const struct buf *descriptor = &p->parsed->descriptor;

    int made = push->bytes ? store_prepare(store, push->bytes, push->len, &p->blob, &p->dirty, err)
                           : store_prepare_copy(store, push->fd, (int64_t)push->len, &p->blob,
                                                &p->dirty, err);
    if (made < 0 || !p->parsed->manifest.has_subject)
        return made;
    return store_prepare(store, descriptor->s, descriptor->len, &p->referrer, &p->dirty, err);
}

/* As fs_settle. */
static int settle_referrer(const struct publishing *p, struct dirty *dirty, struct err *err)
{
    const struct manifest *manifest = &p->parsed->manifest;

    if (!manifest->has_subject)
        return 1;
    return referrer_settle(p->registry->store, &p->push->name, &manifest->subject,
                           &p->pushed->digest, dirty, err);
}

static int refer(struct publishing *p, struct err *err)
{
    const struct store *store = p->registry->store;
    const struct digest *subject = &p->parsed->manifest.subject;
    const struct digest *digest = &p->pushed->digest;
    AUTO_DIRTY unneeded = {0};

    if (!p->parsed->manifest.has_subject)
        return 0;
    int known = settle_referrer(p, &unneeded, err);
    if (known < 0 ||
        referrer_place(&p->push->name, subject, digest, &p->referrer, &p->dirty, err) < 0 ||
        settle_referrer(p, &p->dirty, err) < 0) /* so that it is known for ours */
        return -1;
    if (!known) /* what is not noted is read */
        types_note(store, subject, digest, &p->parsed->descriptor, NULL);
    return 0;
}

/* The first step: all bytes, then the names of what nobody finds yet. The entry among the referrers
 * comes before the link: nobody sees an entry without the manifest, but a manifest without its
 * entry would be a signature that nobody finds. */
static int prepare(struct publishing *p, struct err *err)
{
    const struct fs_root *fs = &p->registry->store->fs;
    const struct digest *digest = &p->pushed->digest;

    if (make_content(p, err) < 0 || make_links(p, err) < 0 || dirty_sync(fs, &p->dirty, err) < 0 ||
        blob_place(digest, &p->blob, &p->dirty, err) < 0 || refer(p, err) < 0)
        return -1;
    return dirty_sync(fs, &p->dirty, err);
}

/* What may have changed before the lock was held. */
static int check_again(const struct publishing *p, bool precondition, struct err *err)
{
    if ((precondition && check_precondition(p->registry, p->push, err) < 0) ||
        check_tags(p->registry, p->push, &p->pushed->digest, err) < 0)
        return -1;
    return freshen_check(p->registry, &p->push->name, &p->parsed->manifest, &p->pushed->missing,
                         err);
}

/* As fs_settle, of what a tag follows. */
static int settle_links(const struct publishing *p, struct dirty *dirty, struct err *err)
{
    const struct store *store = p->registry->store;
    const struct name *name = &p->push->name;
    const struct digest *digest = &p->pushed->digest;
    const struct tag *tags;
    size_t n = tags_of(p->push, &tags);

    int there = repo_settle_revision(store, name, digest, dirty, err);
    for (size_t i = 0; i < n && there > 0; i++)
        there = tag_settle_index(store, name, &tags[i], digest, dirty, err);
    return there;
}

/* What the second and the third step look at again under the lock, and what they build on. */
static int check_before_link(const struct publishing *p, struct dirty *young, struct err *err)
{
    int ours = p->linked
                   ? repo_has_revision(p->registry->store, &p->push->name, &p->pushed->digest, err)
                   : 0;

    return ours < 0 || check_again(p, !ours, err) < 0 ? -1 : settle_referrer(p, young, err);
}

static int check_before_tags(const struct publishing *p, struct dirty *young, struct err *err)
{
    return check_again(p, !p->push->reference.is_digest, err) < 0 ? -1
                                                                  : settle_links(p, young, err);
}

/* So often the lock is let go while that is synced. Then it is held, or one who meets others that
 * push the same again and again would never come to an end. */
#define SETTLES 4

/* Locks the repository, where all is well and what is built on is durable. That was ours; but
 * somebody may have deleted it, and somebody else, who pushes the same, have made it again and not
 * synced it yet. 0: it is gone. */
static int lock_checked(const struct publishing *p,
                        int (*check)(const struct publishing *, struct dirty *, struct err *),
                        struct lock *repo, struct err *err)
{
    const struct store *store = p->registry->store;

    for (int i = 0;; i++) {
        AUTO_DIRTY young = {0};
        if (lock_repo(store, &p->push->name, repo, err) < 0)
            return -1;
        int there = check(p, &young, err);
        if (there <= 0 || (young.n == 0 && !young.too_many))
            return there;
        if (i < SETTLES)
            lock_free(repo);
        if (dirty_sync(&store->fs, &young, err) < 0)
            return -1;
        if (i == SETTLES)
            return 1;
    }
}

/* The second: the link by which the manifest is there, and those of the tags' indexes, which nobody
 * sees before the tags. 0: somebody has deleted what comes before it. */
static int link_revision(struct publishing *p, struct err *err)
{
    const struct store *store = p->registry->store;
    const struct name *name = &p->push->name;
    const struct digest *digest = &p->pushed->digest;
    const struct tag *tags;
    size_t n = tags_of(p->push, &tags);
    AUTO_DIRTY dirty = {0};
    AUTO_LOCK repo = {-1};

    int prepared = lock_checked(p, check_before_link, &repo, err);
    if (prepared <= 0)
        return prepared;
    if (repo_place_revision(store, name, digest, &p->revision, &dirty, err) < 0)
        return -1;
    p->linked = true;
    for (size_t i = 0; i < n; i++)
        if (tag_place_index(name, &tags[i], digest, &p->index[i], &dirty, err) < 0)
            return -1;
    if (settle_links(p, &dirty, err) < 0) /* so that they are known for ours */
        return -1;
    lock_free(&repo);
    return dirty_sync(&store->fs, &dirty, err) < 0 ? -1 : 1;
}

/* The third. 0 as above. */
static int set_tags(struct publishing *p, struct err *err)
{
    const struct store *store = p->registry->store;
    const struct name *name = &p->push->name;
    const struct tag *tags;
    size_t n = tags_of(p->push, &tags);
    AUTO_DIRTY dirty = {0};
    AUTO_LOCK repo = {-1};

    if (n == 0)
        return 1;
    int linked = lock_checked(p, check_before_tags, &repo, err);
    if (linked > 0) /* whoever removes it meanwhile sees that he has to look for tags again */
        linked = repo_touch_revision(store, name, &p->pushed->digest, err);
    if (linked > 0 && lock_repo_change(&repo, err) < 0)
        linked = -1;
    if (linked <= 0)
        return linked;
    for (size_t i = 0; i < n; i++)
        if (leave_tag(p->registry, name, &tags[i], &p->pushed->digest, err) < 0 ||
            tag_place(name, &tags[i], &p->current[i], &dirty, err) < 0)
            return -1;
    lock_free(&repo);
    return dirty_sync(&store->fs, &dirty, err) < 0 ? -1 : 1;
}

/* How often it is begun again because what it needs was deleted meanwhile. */
#define TRIES 8

/* Four durable steps: bytes, and three rounds of names. Nobody waits for the disk under the
 * repository's lock (but for lock_checked's last resort): files are made before they get their
 * names under it, and directories are synced after it. */
static int publish(struct publishing *p, struct err *err)
{
    const struct registry *registry = p->registry;
    const struct push_manifest *push = p->push;
    const struct manifest *manifest = &p->parsed->manifest;
    AUTO_LOCK gc = {-1};
    int done = 0;

    if (check_storage(registry, push, err) < 0 || check_precondition(registry, push, err) < 0 ||
        check_tags(registry, push, &p->pushed->digest, err) < 0 ||
        lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0 ||
        freshen_references(registry, &push->name, manifest, !push->is_stored, &p->dirty,
                           &p->pushed->missing, err) < 0)
        return -1;
    for (int i = 0; i < TRIES && done == 0; i++) {
        done = prepare(p, err) < 0 ? -1 : link_revision(p, err);
        if (done > 0)
            done = set_tags(p, err);
    }
    if (done == 0)
        err_set(err, ERR_BUSY, "%s is deleted as often as it is pushed", p->pushed->digest.s);
    if (done <= 0)
        return -1;
    tell(registry, push, manifest, &p->pushed->digest);
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
    struct publishing publishing = {
        .registry = registry, .push = push, .parsed = &parsed, .pushed = pushed};
    int result = parse(push, &pushed->digest, &parsed, err);
    if (result == 0)
        result = publish(&publishing, err);
    publishing_free(&publishing);
    pushed->has_subject = parsed.manifest.has_subject;
    pushed->subject = parsed.manifest.subject;
    manifest_free(&parsed.manifest);
    buf_free(&parsed.descriptor);
    return result;
}
