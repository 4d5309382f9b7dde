/* SPDX-License-Identifier: Apache-2.0
 * L3: what fsck moves out of the way. Owns _berth/quarantine and _berth/lost. */
#include "fsck/quarantine.h"

#include "base/dir.h"
#include "store/blob.h"
#include "store/layout.h"

#include <errno.h>
#include <stdio.h>

#define SAME_PATH_MAX 1000

void quarantine_init(struct quarantine *quarantine, time_t now)
{
    struct tm tm;

    gmtime_r(&now, &tm);
    snprintf(quarantine->dir, sizeof quarantine->dir,
             LAYOUT_QUARANTINE "/%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A path that is free. Only one who does the same at the same time could take it meanwhile, and the
 * rename would then fail or replace a copy of the same name. */
static int free_path(const struct store *store, const struct quarantine *quarantine,
                     const char *path, struct buf *to, struct err *err)
{
    struct stat st;

    for (int i = 0; i < SAME_PATH_MAX; i++) {
        buf_clear(to);
        buf_addstr(to, quarantine->dir);
        if (i > 0)
            buf_addf(to, ".%d", i);
        buf_addf(to, "/%s", path);
        int found = fs_stat(&store->fs, to->s, &st, err);
        if (found <= 0)
            return found;
    }
    return err_set(err, ERR_IO, "%s is full of %s", quarantine->dir, path);
}

int quarantine_move(const struct store *store, const struct quarantine *quarantine,
                    const char *path, struct buf *where, struct dirty *dirty, struct err *err)
{
    if (free_path(store, quarantine, path, where, err) < 0)
        return -1;
    return fs_rename(&store->fs, path, where->s, dirty, err);
}

int quarantine_note_lost(const struct store *store, const struct digest *digest, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    if (store_write(store, layout_lost(&path, digest), "", 0, &dirty, err) < 0)
        return -1;
    return dirty_sync(&store->fs, &dirty, err);
}

bool quarantine_is_lost(const struct store *store, const struct digest *digest)
{
    struct layout_path path;
    struct stat st;

    return fs_stat(&store->fs, layout_lost(&path, digest), &st, NULL) > 0;
}

int quarantine_forget_found(const struct store *store, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_STRINGS hex = {0};
        AUTO_BUF dir = BUF_INIT;
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        buf_addf(&dir, LAYOUT_LOST "/%s", digest_algorithm_name(algorithm));
        if (dir_list(&store->fs, dir.s, &hex, err) < 0)
            return -1;
        for (size_t k = 0; k < hex.n; k++) {
            struct digest digest;
            int64_t size;
            if (digest_from_hex(&digest, algorithm, hex.v[k], NULL) == 0 &&
                blob_stat(store, &digest, &size, NULL) > 0 &&
                fs_unlink(&store->fs, layout_lost(&path, &digest), &dirty, err) < 0)
                return -1;
        }
    }
    return dirty_sync(&store->fs, &dirty, err);
}
