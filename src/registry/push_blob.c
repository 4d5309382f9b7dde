/* SPDX-License-Identifier: Apache-2.0
 * L3: pushing blobs: sessions, chunks, mounts. */
#include "registry/push_blob.h"

#include "metric/metric.h"
#include "registry/pull.h"
#include "store/blob.h"
#include "store/holder.h"
#include "store/lock.h"
#include "store/repo.h"

#include <string.h>

static int create_session(const struct registry *registry, const struct push_session *session,
                          enum digest_algorithm algorithm, struct upload *upload, struct err *err)
{
    AUTO_LOCK gc = {-1};

    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    return upload_create(registry->store, &session->name, session->user, algorithm, upload, err);
}

int push_blob_start(const struct registry *registry, struct push_session *session,
                    enum digest_algorithm algorithm, struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};

    if (upload_check_limit(registry->store, &session->name, session->user, err) < 0 ||
        create_session(registry, session, algorithm, &upload, err) < 0)
        return -1;
    memcpy(session->id, upload.id, sizeof session->id);
    if (upload_save(&upload, err) < 0)
        return -1;
    metric_add(METRIC_UPLOAD_STARTED, 1);
    metric_add(METRIC_UPLOADS_OPEN, 1);
    return 0;
}

static int open_session(const struct registry *registry, const struct push_session *session,
                        struct upload *upload, struct err *err)
{
    return upload_open(registry->store, &session->name, session->id, session->user, upload, err);
}

int push_blob_chunk(const struct registry *registry, const struct push_session *session,
                    struct push_range range, struct push_body body, int64_t *offset,
                    struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};

    if (open_session(registry, session, &upload, err) < 0)
        return -1;
    *offset = upload.offset;
    if (push_body_append(&upload, range, body, err) < 0 || upload_save(&upload, err) < 0)
        return -1;
    metric_add(METRIC_UPLOAD_BYTES, upload.offset - *offset);
    *offset = upload.offset;
    return 0;
}

static int make_link(const struct registry *registry, const struct digest *digest,
                     struct fs_new *link, struct dirty *dirty, struct err *err)
{
    return store_prepare(registry->store, digest->s, strlen(digest->s), link, dirty, err);
}

/* Wants the bytes and the link synced. A link without its blob counts as not there, so that their
 * names may come to the disk in any order. */
static int publish(const struct registry *registry, struct upload *upload,
                   const struct digest *digest, struct fs_new *link, struct err *err)
{
    AUTO_LOCK gc = {-1};
    AUTO_DIRTY dirty = {0};

    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0 ||
        upload_publish(upload, digest, &dirty, err) < 0 ||
        repo_place_layer(registry->store, &upload->name, digest, link, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    registry_tell(registry, (struct event){.what = EVENT_BLOB_PUSHED,
                                           .repository = &upload->name,
                                           .digest = digest,
                                           .size = upload->offset});
    return 0;
}

/* A session is over, and what became of it. */
static void count_end(const struct upload *upload, enum metric_counter how)
{
    if (upload->alone)
        return;
    metric_add(how, 1);
    metric_add(METRIC_UPLOADS_OPEN, -1);
    metric_add(METRIC_UPLOAD_BYTES, -upload->saved);
}

/* Nobody will go on with it; if it stays, it is litter. */
static void discard(struct upload *upload, enum metric_counter how)
{
    AUTO_DIRTY unneeded = {0};

    count_end(upload, how);
    upload_remove(upload, &unneeded, NULL);
}

/* Bytes and link, at once. After a failed fsync the kernel holds the pages for clean: another one
 * would succeed, and tell nothing. */
static int sync_or_discard(const struct registry *registry, struct upload *upload,
                           const struct digest *digest, struct fs_new *link, struct err *err)
{
    AUTO_DIRTY dirty = {0};

    if (upload_sync(upload, &dirty, err) < 0 || make_link(registry, digest, link, &dirty, err) < 0)
        return -1;
    if (dirty_sync(&registry->store->fs, &dirty, err) == 0)
        return 0;
    discard(upload, METRIC_UPLOAD_FAILED);
    return -1;
}

static int verify_and_publish(const struct registry *registry, struct upload *upload,
                              const struct digest *digest, struct err *err)
{
    AUTO_FS_NEW link = {0};
    struct digest actual;

    if (upload_digest(upload, digest->algorithm, &actual, err) < 0)
        return -1;
    if (!digest_equal(&actual, digest)) {
        discard(upload, METRIC_UPLOAD_FAILED);
        return err_set(err, ERR_DIGEST_INVALID, "the uploaded content has the digest %s", actual.s);
    }
    if (sync_or_discard(registry, upload, digest, &link, err) < 0 ||
        publish(registry, upload, digest, &link, err) < 0)
        return -1;
    /* The blob is in place: a session's directory that cannot be removed now is litter, not an
     * error. */
    discard(upload, METRIC_UPLOAD_FINISHED);
    return 0;
}

int push_blob_finish(const struct registry *registry, const struct push_session *session,
                     struct push_range range, const struct digest *digest, struct push_body body,
                     int64_t *offset, struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};

    if (open_session(registry, session, &upload, err) < 0)
        return -1;
    *offset = upload.offset;
    upload_expect(&upload, digest->algorithm);
    if (push_body_append(&upload, range, body, err) < 0)
        return -1;
    return verify_and_publish(registry, &upload, digest, err);
}

int push_blob_whole(const struct registry *registry, struct push_session *session,
                    const struct digest *digest, struct push_body body, struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};
    struct push_range anywhere = {-1, -1};

    if (upload_begin(registry->store, &session->name, digest->algorithm, &upload, err) < 0)
        return -1;
    if (push_body_append(&upload, anywhere, body, err) < 0 ||
        verify_and_publish(registry, &upload, digest, err) < 0) {
        discard(&upload, METRIC_UPLOAD_FAILED);
        return -1;
    }
    return 0;
}

/* Under lock_gc shared. 0: the blob is not there. */
static int link_blob(const struct registry *registry, const struct name *name,
                     const struct digest *digest, int64_t size, const struct name *from,
                     struct err *err)
{
    AUTO_FS_NEW link = {0};
    AUTO_DIRTY dirty = {0};

    /* Who published it may not have synced that. */
    int has = blob_settle(registry->store, digest, &dirty, err);
    if (has > 0)
        has = blob_freshen(registry->store, digest, err);
    if (has <= 0)
        return has;
    if (make_link(registry, digest, &link, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0 ||
        repo_place_layer(registry->store, name, digest, &link, &dirty, err) < 0 ||
        dirty_sync(&registry->store->fs, &dirty, err) < 0)
        return -1;
    registry_tell(registry, (struct event){.what = EVENT_BLOB_MOUNTED,
                                           .repository = name,
                                           .digest = digest,
                                           .size = size,
                                           .from = from});
    return 1;
}

int push_blob_link(const struct registry *registry, const struct name *name,
                   const struct digest *digest, int64_t size, struct err *err)
{
    AUTO_LOCK gc = {-1};
    int64_t there;

    if (lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0)
        return -1;
    int has = blob_stat(registry->store, digest, &there, err);
    if (has <= 0 || there != size) /* a blob that was cut off heals when it is pushed again */
        return has < 0 ? -1 : 0;
    return link_blob(registry, name, digest, size, NULL, err);
}

int push_blob_new(const struct registry *registry, struct push_session *session,
                  enum digest_algorithm algorithm, struct push_body body,
                  struct pushed_blob *pushed, struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};
    struct push_range anywhere = {-1, -1};
    AUTO_FS_NEW link = {0};
    int linked = -1;

    if (upload_begin(registry->store, &session->name, algorithm, &upload, err) < 0)
        return -1;
    if (push_body_append(&upload, anywhere, body, err) < 0 ||
        upload_digest(&upload, algorithm, &pushed->digest, err) < 0)
        goto out;
    pushed->size = upload.offset;
    linked = push_blob_link(registry, &session->name, &pushed->digest, pushed->size, err);
    if (linked == 0 && (sync_or_discard(registry, &upload, &pushed->digest, &link, err) < 0 ||
                        publish(registry, &upload, &pushed->digest, &link, err) < 0))
        linked = -1;
    pushed->is_new = linked == 0;
out:
    discard(&upload, METRIC_UPLOAD_FINISHED);
    return linked < 0 ? -1 : 0;
}

static bool may_pull(void *context, const struct name *name)
{
    const struct registry_rules *rules = context;

    return !rules->may_pull || rules->may_pull(rules->context, name);
}

/* So many repositories are looked at for a blob of which nothing is noted: a client waits, and can
 * push it instead. Which they are does not depend on who may read them, nor on the blob, so that
 * the time tells nothing. */
#define LOOKS_MAX 200

struct mount_search {
    const struct registry *registry;
    const struct digest *digest;
    int looks;
    bool found;
    struct name holder;
};

static int visit_holder(void *context, const struct name *name, struct err *err)
{
    struct mount_search *search = context;

    if (search->looks++ == LOOKS_MAX)
        return 1;
    if (!may_pull((void *)&search->registry->rules, name))
        return 0;
    int has = repo_has_layer(search->registry->store, name, search->digest, err);
    search->found = has > 0;
    if (has > 0)
        search->holder = *name;
    return has;
}

/* Any repository that the caller may read. Some are looked at only where not all links of the store
 * were noted yet, as in one that another program has made. */
static int anyone_has(const struct registry *registry, const struct digest *digest,
                      struct name *holder, struct err *err)
{
    struct mount_search search = {.registry = registry, .digest = digest};

    int found =
        holder_find(registry->store, digest, may_pull, (void *)&registry->rules, holder, err);
    if (found)
        return found;
    int complete = holder_is_complete(registry->store, err);
    if (complete)
        return complete < 0 ? -1 : 0;
    if (repo_walk_some(registry->store, LOOKS_MAX, visit_holder, &search, err) < 0)
        return -1;
    *holder = search.holder;
    return search.found;
}

/* Whether the source has the blob. Without a source any repository will do. */
static int source_has(const struct registry *registry, const struct digest *digest,
                      const struct name *from, struct name *holder, struct err *err)
{
    if (!from)
        return anyone_has(registry, digest, holder, err);
    *holder = *from;
    return may_pull((void *)&registry->rules, from)
               ? repo_has_layer(registry->store, from, digest, err)
               : 0;
}

int push_blob_mount(const struct registry *registry, const struct name *name,
                    const struct digest *digest, const struct name *from, struct err *err)
{
    AUTO_LOCK gc = {-1};
    struct name holder;
    int64_t size;

    /* Whoever may not have it must not learn from the time that it takes whether it is there. */
    int has = source_has(registry, digest, from, &holder, err);
    if (has > 0)
        has = blob_stat(registry->store, digest, &size, err);
    if (has > 0 && pull_is_emptied(digest, size))
        has = 0;
    if (has <= 0)
        return has;
    return lock_gc(registry->store, FS_LOCK_SHARED, &gc, err) < 0
               ? -1
               : link_blob(registry, name, digest, size, &holder, err);
}

int push_blob_offset(const struct registry *registry, const struct push_session *session,
                     int64_t *offset, struct err *err)
{
    return upload_offset(registry->store, &session->name, session->id, session->user, offset, err);
}

int push_blob_cancel(const struct registry *registry, const struct push_session *session,
                     struct err *err)
{
    AUTO_UPLOAD upload = {.fd = -1};
    AUTO_DIRTY dirty = {0};

    if (open_session(registry, session, &upload, err) < 0 ||
        upload_remove(&upload, &dirty, err) < 0)
        return -1;
    count_end(&upload, METRIC_UPLOAD_CANCELLED);
    return dirty_sync(&registry->store->fs, &dirty, err);
}
