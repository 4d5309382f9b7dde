/* SPDX-License-Identifier: Apache-2.0
 * L3: removing a whole repository. */
#include "registry/remove.h"

#include "store/lock.h"
#include "store/repo_remove.h"
#include "store/trash.h"
#include "store/upload.h"

/* So many sessions are moved under one hold of the lock, to keep pushes from waiting. */
#define UPLOADS_AT_ONCE 32

static int move_content(const struct registry *registry, const struct name *name,
                        struct strings *trash, struct err *err)
{
    AUTO_LOCK gc = {-1};
    AUTO_LOCK repo = {-1};

    if (lock_gc(registry->store, FS_LOCK_EXCLUSIVE, &gc, err) < 0 ||
        lock_repo(registry->store, name, &repo, err) < 0)
        return -1;
    return repo_remove_content(registry->store, name, trash, err);
}

static int move_some_uploads(const struct registry *registry, const struct name *name,
                             const struct strings *ids, size_t from, struct strings *trash,
                             size_t *busy, struct err *err)
{
    AUTO_LOCK gc = {-1};

    if (lock_gc(registry->store, FS_LOCK_EXCLUSIVE, &gc, err) < 0)
        return -1;
    for (size_t i = from; i < ids->n && i < from + UPLOADS_AT_ONCE; i++) {
        int moved = repo_remove_upload(registry->store, name, ids->v[i], trash, err);
        if (moved < 0)
            return -1;
        *busy += moved == 0;
    }
    return 0;
}

static int move_uploads(const struct registry *registry, const struct name *name,
                        const struct strings *ids, struct strings *trash, size_t *busy,
                        struct err *err)
{
    for (size_t from = 0; from < ids->n; from += UPLOADS_AT_ONCE)
        if (move_some_uploads(registry, name, ids, from, trash, busy, err) < 0)
            return -1;
    return 0;
}

static int remove_directories(const struct registry *registry, const struct name *name,
                              struct err *err)
{
    AUTO_LOCK gc = {-1};

    if (lock_gc(registry->store, FS_LOCK_EXCLUSIVE, &gc, err) < 0)
        return -1;
    return repo_remove_empty(registry->store, name, err);
}

int remove_repository(const struct registry *registry, const struct name *name,
                      size_t *busy_uploads, struct err *err)
{
    AUTO_STRINGS ids = {0};
    AUTO_STRINGS trash = {0};
    struct err litter;

    *busy_uploads = 0;
    if (upload_list(registry->store, name, &ids, err) < 0)
        return -1;
    int found = move_content(registry, name, &trash, err);
    if (found > 0)
        registry_tell(
            registry,
            (struct event){.what = EVENT_REPOSITORY_DELETED, .repository = name, .size = -1});
    if (found == 0 && ids.n == 0) {
        /* One that was killed may have left it its directories. */
        return remove_directories(registry, name, err) < 0
                   ? -1
                   : err_set(err, ERR_NAME_UNKNOWN, "%s", name->s);
    }
    if (found >= 0)
        found = move_uploads(registry, name, &ids, &trash, busy_uploads, err);
    if (found >= 0)
        found = remove_directories(registry, name, err);
    /* The repository is gone: what cannot be taken apart now is litter, not an error. */
    trash_empty(registry->store, &trash, &litter);
    return found < 0 ? -1 : 0;
}
