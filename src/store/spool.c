/* SPDX-License-Identifier: Apache-2.0
 * L2: spools. Owns the directories in _berth/spool and the `lock` in each; plain files beside them
 * are those of web servers that were configured by hand. */
#include "store/spool.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SPOOL_LOCK "lock"

static int spool_lock(const struct store *store, const char *dir, int flags, int *fd,
                      struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" SPOOL_LOCK, dir);
    int found = fs_open(&store->fs, path.s, O_RDWR | flags, fd, err);
    return found > 0 ? fs_lock_try(*fd, FS_LOCK_EXCLUSIVE, err) : found;
}

/* Removes the spools of dead processes: their locks are free. What cannot be removed is litter, not
 * an error. */
static void spool_sweep(const struct store *store)
{
    AUTO_STRINGS names = {0};

    if (dir_list(&store->fs, LAYOUT_SPOOL, &names, NULL) <= 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct layout_path dir;
        AUTO_LOCKED_FD lock = -1;
        if (!uuid_valid(names.v[i], strlen(names.v[i])))
            continue;
        if (spool_lock(store, layout_spool(&dir, names.v[i]), 0, &lock, NULL) > 0)
            dir_remove_tree(&store->fs, dir.s, NULL);
    }
}

/* Locks it before it gets its name, so that nobody takes it for litter. */
static int spool_make(const struct store *store, const char *tmp, struct spool *spool,
                      struct err *err)
{
    struct layout_path dir;
    AUTO_DIRTY dirty = {0}; /* never synced: no spool outlives its process */
    char id[UUID_SIZE];

    uuid_make(id);
    if (dir_make(&store->fs, tmp, &dirty, err) < 0 ||
        spool_lock(store, tmp, O_CREAT, &spool->lock, err) < 0 ||
        fs_rename(&store->fs, tmp, layout_spool(&dir, id), &dirty, err) < 0)
        return -1;
    AUTO_BUF path = BUF_INIT;
    buf_addf(&path, "%s/%s", store->path, dir.s);
    spool->path = mem_strdup(path.s);
    return 0;
}

int spool_open(const struct store *store, struct spool *spool, struct err *err)
{
    struct layout_path tmp;

    *spool = (struct spool){.store = store, .lock = -1};
    spool_sweep(store);
    if (spool_make(store, layout_tmp(&tmp), spool, err) == 0)
        return 0;
    dir_remove_tree(&store->fs, tmp.s, NULL);
    spool_close(spool);
    return -1;
}

void spool_close(struct spool *spool)
{
    if (spool->path)
        dir_remove_tree(&spool->store->fs, spool->path + strlen(spool->store->path) + 1, NULL);
    free(spool->path);
    spool->path = NULL;
    fs_lock_close(&spool->lock);
}
