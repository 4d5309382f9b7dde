/* SPDX-License-Identifier: Apache-2.0
 * L2: how the collector removes: under the lock for moments, so that nobody waits for long. */
#include "gc/pass.h"

#include "base/clock.h"
#include "store/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often it looks whether somebody waits. Who waits is let in before it goes on: he holds the
 * gate, through which it has to go. */
#define LOOK_MS 4

/* How long it keeps others out while it waits for those who are in: a little more each time, since
 * a slow disk may keep them. */
#define WINDOW_MS 30
#define WINDOW_MAX_MS 80
#define TRIES_MAX 600

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};

    nanosleep(&pause, NULL);
}

void gc_let_go(struct gc_pass *pass)
{
    if (pass->lock.fd < 0)
        return;
    lock_free(&pass->lock);
    int64_t held = clock_ms() - pass->locked_ms;
    /* Nobody waited before the last look. */
    int64_t pause = clock_ms() - pass->looked_ms;
    if (pause < held)
        held = pause;
    if (held > pass->totals->longest_pause)
        pass->totals->longest_pause = held;
}

/* Whether it may go on without letting anyone in. */
static int may_go_on(struct gc_pass *pass, struct err *err)
{
    if (pass->lock.fd < 0 || clock_ms() - pass->looked_ms < LOOK_MS)
        return pass->lock.fd >= 0;
    int wanted = lock_gc_wanted(pass->store, err);
    if (wanted == 0)
        pass->looked_ms = clock_ms();
    return wanted < 0 ? -1 : !wanted;
}

int gc_hold(struct gc_pass *pass, struct err *err)
{
    int go_on = may_go_on(pass, err);

    if (go_on)
        return go_on < 0 ? -1 : 0;
    gc_let_go(pass);
    int window = WINDOW_MS;
    for (int i = 0; i < TRIES_MAX; i++) {
        pass->locked_ms = pass->looked_ms = clock_ms();
        int locked = lock_gc_sweep(pass->store, window, &pass->lock, err);
        if (locked)
            return locked < 0 ? -1 : 0;
        pause_ms(window);
        window = window + 10 > WINDOW_MAX_MS ? WINDOW_MAX_MS : window + 10;
    }
    return err_set(err, ERR_BUSY, "the store was too busy to collect: try again later");
}

int gc_release(struct gc_pass *pass, struct err *err)
{
    int result = 0;

    gc_let_go(pass);
    for (size_t i = 0; i < pass->doomed.n && result == 0; i++)
        if (fs_remove_tree(&pass->store->fs, pass->doomed.v[i], err) < 0)
            result = -1;
    strings_free(&pass->doomed);
    return result;
}

int gc_unlink(struct gc_pass *pass, const char *path, struct err *err)
{
    const struct fs_root *fs = &pass->store->fs;
    struct layout_path dir;
    AUTO_DIRTY dirty = {0}; /* all is synced at once, before the blobs */

    snprintf(dir.s, sizeof dir.s, "%.*s", (int)(strrchr(path, '/') - path), path);
    pass->names_gone = true;
    if (fs_unlink(fs, path, &dirty, err) < 0 || fs_rmdir(fs, dir.s, &dirty, err) < 0)
        return -1;
    return 0;
}

int gc_remove_tree(struct gc_pass *pass, const char *path, struct err *err)
{
    struct layout_path tmp;
    AUTO_DIRTY dirty = {0};

    int moved = fs_rename(&pass->store->fs, path, layout_tmp(&tmp), &dirty, err);
    if (moved <= 0)
        return moved;
    pass->names_gone = true;
    strings_add(&pass->doomed, tmp.s);
    return 1;
}

struct removal {
    const struct gc_pass *pass;
    struct gc_doomed *doomed;
};

static bool may_go(void *context, const struct stat *st)
{
    const struct removal *removal = context;
    struct gc_doomed *doomed = removal->doomed;

    doomed->st = *st;
    doomed->is_there = true;
    if (doomed->mtime)
        return gc_mtime(st) == doomed->mtime;
    return gc_is_old(removal->pass, st, doomed->grace);
}

int gc_remove_lone(struct gc_pass *pass, const struct fs_root *dir, const char *hex,
                   const char *file, struct gc_doomed *doomed, struct err *err)
{
    struct removal removal = {pass, doomed};
    char path[DIGEST_HEX_MAX + 8];
    struct stat st;

    doomed->is_there = false;
    if (!pass->options->dry_run) {
        if (gc_hold(pass, err) < 0)
            return -1;
        pass->names_gone = true;
        return fs_remove_lone(dir, hex, file, may_go, &removal, err);
    }
    snprintf(path, sizeof path, "%s/%s", hex, file);
    int found = fs_peek(dir->fd, path, &st, err);
    return found > 0 ? may_go(&removal, &st) : found;
}

int gc_open_dir(const struct gc_pass *pass, const char *path, struct fs_root *dir, struct err *err)
{
    *dir = pass->store->fs;
    return fs_open(&pass->store->fs, path, O_RDONLY | O_DIRECTORY, &dir->fd, err);
}
