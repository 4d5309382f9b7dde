/* SPDX-License-Identifier: Apache-2.0
 * L5: spools. Owns the directories in _berth/spool and the `lock` in each; plain files beside them
 * are those of web servers that were configured by hand. Those of a shared store are berth-spool-*
 * in /var/tmp, or $TMPDIR. */
#include "serve/spool.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOOL_LOCK "lock"
#define LOCAL_PREFIX "berth-spool-"

/* Where the spools of a store are, and how their names begin. */
struct place {
    const char *path; /* absolute, of the root */
    const char *dir;  /* below the root */
    const char *prefix;
};

static struct place place_of(const struct store *store)
{
    const char *local = getenv("TMPDIR");

    if (!store->shared)
        return (struct place){store->path, LAYOUT_SPOOL, ""};
    return (struct place){local && local[0] == '/' ? local : "/var/tmp", ".", LOCAL_PREFIX};
}

static int spool_lock(const struct fs_root *fs, const char *dir, int flags, int *fd,
                      struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s/" SPOOL_LOCK, dir);
    int found = fs_open(fs, path.s, O_RDWR | flags, fd, err);
    return found > 0 ? fs_lock_try(*fd, FS_LOCK_EXCLUSIVE, err) : found;
}

static void name_in(const struct place *place, const char *id, struct layout_path *path)
{
    snprintf(path->s, sizeof path->s, "%s/%s%s", place->dir, place->prefix, id);
}

/* Others may have theirs in the same place. */
static bool is_own(const struct fs_root *fs, const char *path)
{
    struct stat st;

    return fs_stat(fs, path, &st, NULL) > 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Removes the spools of dead processes: their locks are free. What cannot be removed is litter, not
 * an error. */
static void spool_sweep(const struct fs_root *fs, const struct place *place)
{
    AUTO_STRINGS names = {0};
    size_t skip = strlen(place->prefix);

    if (dir_list(fs, place->dir, &names, NULL) <= 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        const char *id = names.v[i] + skip;
        struct layout_path dir;
        AUTO_LOCKED_FD lock = -1;
        if (strncmp(names.v[i], place->prefix, skip) != 0 || !uuid_valid(id, strlen(id)))
            continue;
        name_in(place, id, &dir);
        if (is_own(fs, dir.s) && spool_lock(fs, dir.s, 0, &lock, NULL) > 0)
            dir_remove_tree(fs, dir.s, NULL);
    }
}

/* Locks it before it gets its name, so that nobody takes it for litter. */
static int spool_make(const struct place *place, const char *tmp, struct spool *spool,
                      struct err *err)
{
    struct layout_path dir;
    AUTO_DIRTY dirty = {0}; /* never synced: no spool outlives its process */
    AUTO_BUF path = BUF_INIT;
    char id[UUID_SIZE];

    uuid_make(id);
    name_in(place, id, &dir);
    if (dir_make(&spool->fs, tmp, &dirty, err) < 0 ||
        spool_lock(&spool->fs, tmp, O_CREAT, &spool->lock, err) < 0 ||
        fs_rename(&spool->fs, tmp, dir.s, &dirty, err) < 0)
        return -1;
    spool->name = mem_strdup(dir.s);
    buf_addf(&path, "%s/%s", place->path, dir.s + (strncmp(dir.s, "./", 2) ? 0 : 2));
    spool->path = mem_strdup(path.s);
    return 0;
}

int spool_open(const struct store *store, struct spool *spool, struct err *err)
{
    const struct place place = place_of(store);
    struct layout_path tmp;
    char id[UUID_SIZE];

    *spool = (struct spool){.fs = {.fd = -1, .file_mode = 0600, .dir_mode = 0700}, .lock = -1};
    if (store->shared) {
        if (fs_root_open(&spool->fs, place.path, false, err) < 0)
            return -1;
        uuid_make(id);
        snprintf(tmp.s, sizeof tmp.s, "./.berth-spool-%s", id);
    } else {
        spool->fs = store->fs;
        spool->in_store = true;
        layout_tmp(&tmp);
    }
    spool_sweep(&spool->fs, &place);
    if (spool_make(&place, tmp.s, spool, err) == 0)
        return 0;
    dir_remove_tree(&spool->fs, tmp.s, NULL);
    spool_close(spool);
    return -1;
}

void spool_close(struct spool *spool)
{
    if (spool->name)
        dir_remove_tree(&spool->fs, spool->name, NULL);
    free(spool->name);
    free(spool->path);
    spool->name = spool->path = NULL;
    fs_lock_close(&spool->lock);
    if (!spool->in_store)
        fs_root_close(&spool->fs);
    spool->in_store = true;
}
