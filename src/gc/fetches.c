/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's look at _berth/fetch. */
#include "gc/fetches.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "store/layout.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DAY INT64_C(86400)
#define MONTH (30 * DAY)
#define DEPTH_MAX 6

#define UPSTREAM LAYOUT_FETCH "/upstream"
#define LISTS "/lists/" /* are served while the upstream fails */

static int64_t age_max(const char *path)
{
    bool is_list = !strncmp(path, UPSTREAM, strlen(UPSTREAM)) && strstr(path, LISTS);

    return is_list ? MONTH : DAY;
}

/* Whoever begins to fill it looks, once he has the lock, whether it is still there. */
static int sweep_file(struct pass *pass, const char *path, struct err *err)
{
    struct gc_item item = {GC_LITTER, NULL, path, 0, 0};
    const struct fs_root *fs = &pass->store->fs;
    AUTO_LOCKED_FD fd = -1;
    AUTO_DIRTY dirty = {0};
    struct stat st;

    int found = fs_open(fs, path, O_RDWR, &fd, err);
    if (found > 0)
        found = fs_lock_try(fd, FS_LOCK_EXCLUSIVE, err);
    if (found > 0)
        found = fs_stat(fs, path, &st, err);
    if (found <= 0 || !pass_is_old(pass, &st, age_max(path)))
        return found < 0 ? -1 : 0;
    if (!pass->options->dry_run && fs_unlink(fs, path, &dirty, err) < 0)
        return -1;
    item.bytes = st.st_size;
    item.age = pass_age(pass, fs_mtime(&st));
    pass->totals->bytes += item.bytes;
    pass_removes(pass, &item);
    return 0;
}

/* Tokens look after themselves, the files of locks are never removed, nor is what this registry
 * calls itself. */
static bool stays(const char *name, int depth)
{
    return (depth == 0 &&
            (!strcmp(name, "flights") || !strcmp(name, "slots") || !strcmp(name, "self"))) ||
           (depth == 2 && (!strcmp(name, "state") || !strcmp(name, "connections")));
}

static int sweep_below(struct pass *pass, const char *dir, int depth, struct err *err)
{
    AUTO_STRINGS names = {0};
    struct stat st;

    if (dir_list(&pass->store->fs, dir, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF path = BUF_INIT;
        buf_addf(&path, "%s/%s", dir, names.v[i]);
        int found = stays(names.v[i], depth) ? 0 : fs_stat(&pass->store->fs, path.s, &st, err);
        /* Of what is young the lock is not even tried: who joins a fill just then would take it for
         * somebody's who fills it. */
        if (found > 0 && S_ISREG(st.st_mode) && pass_is_old(pass, &st, age_max(path.s)))
            found = sweep_file(pass, path.s, err);
        else if (found > 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            found = sweep_below(pass, path.s, depth + 1, err);
        if (found < 0)
            return -1;
    }
    return 0;
}

int fetches_sweep(struct pass *pass, struct err *err)
{
    return sweep_below(pass, LAYOUT_FETCH, 0, err);
}
