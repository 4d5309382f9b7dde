/* SPDX-License-Identifier: Apache-2.0
 * L3: how the collector removes: under the lock for moments, so that nobody waits for long. */
#include "gc/hold.h"

#include "base/clock.h"
#include "base/dir.h"
#include "store/layout.h"
#include "store/trash.h"

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

/* For how long it waits under the lock, at most, until the caches of a mount show what others did
 * before; shorter than a lock is waited for. */
#define LATE_MAX_MS 5000

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

void hold_pause(struct hold *hold)
{
    if (hold->lock.fd < 0)
        return;
    lock_free(&hold->lock);
    int64_t held = clock_ms() - hold->locked_ms;
    /* Nobody waited before the last look. */
    int64_t pause = clock_ms() - hold->looked_ms;
    if (pause < held)
        held = pause;
    if (held > hold->longest_ms)
        hold->longest_ms = held;
}

/* Whether it may go on without letting anyone in. */
static int may_go_on(struct hold *hold, struct err *err)
{
    if (hold->lock.fd < 0 || clock_ms() - hold->looked_ms < LOOK_MS)
        return hold->lock.fd >= 0;
    int wanted = lock_gc_wanted(hold->store, err);
    if (wanted == 0)
        hold->looked_ms = clock_ms();
    return wanted < 0 ? -1 : !wanted;
}

int hold_take(struct hold *hold, struct err *err)
{
    int go_on = may_go_on(hold, err);

    if (go_on)
        return go_on < 0 ? -1 : 0;
    hold_pause(hold);
    int window = WINDOW_MS;
    for (int i = 0; i < TRIES_MAX; i++) {
        hold->locked_ms = hold->looked_ms = clock_ms();
        int locked = lock_gc_sweep(hold->store, window, &hold->lock, err);
        if (locked > 0 && hold->late_ms)
            pause_ms(hold->late_ms < LATE_MAX_MS ? hold->late_ms : LATE_MAX_MS);
        if (locked)
            return locked < 0 ? -1 : 0;
        pause_ms(window);
        window = window + 10 > WINDOW_MAX_MS ? WINDOW_MAX_MS : window + 10;
    }
    return err_set(err, ERR_BUSY, "the store was too busy to collect: try again later");
}

int hold_end(struct hold *hold, struct err *err)
{
    hold_pause(hold);
    return trash_empty(hold->store, &hold->doomed, err);
}

int hold_unlink(struct hold *hold, const char *path, struct err *err)
{
    const struct fs_root *fs = &hold->store->fs;
    struct layout_path dir;
    AUTO_DIRTY dirty = {0}; /* all is synced at once, before the blobs */

    snprintf(dir.s, sizeof dir.s, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (fs_unlink(fs, path, &dirty, err) < 0 || dir_remove(fs, dir.s, &dirty, err) < 0)
        return -1;
    return 0;
}

int hold_sync(struct hold *hold, struct dirty *dirty, struct err *err)
{
    if (dirty->n)
        hold_pause(hold);
    return dirty_sync(&hold->store->fs, dirty, err);
}

/* Also what an earlier pass removed that was killed, and those who deleted. */
int hold_sync_names(struct hold *hold, struct err *err)
{
    if (hold->names_synced || hold->dry_run)
        return 0;
    hold_pause(hold);
    if (fs_sync_all(&hold->store->fs, err) < 0)
        return -1;
    hold->names_synced = true;
    return 0;
}

int hold_remove_tree(struct hold *hold, const char *path, struct dirty *dirty, struct err *err)
{
    return trash_move(hold->store, path, &hold->doomed, dirty, err);
}

static bool may_go(void *context, const struct stat *st)
{
    struct hold_doomed *doomed = context;

    doomed->st = *st;
    doomed->is_there = true;
    if (doomed->mtime)
        return fs_mtime(st) == doomed->mtime;
    return fs_mtime(st) < doomed->before;
}

int hold_remove_lone(struct hold *hold, const struct fs_root *dir, const char *hex,
                     const char *file, struct hold_doomed *doomed, struct err *err)
{
    char path[DIGEST_HEX_MAX + 8];
    struct stat st;

    doomed->is_there = false;
    if (!hold->dry_run) {
        if (hold_take(hold, err) < 0)
            return -1;
        return dir_remove_lone(dir, hex, file, may_go, doomed, err);
    }
    snprintf(path, sizeof path, "%s/%s", hex, file);
    int found = dir_peek(dir->fd, path, &st, err);
    return found > 0 ? may_go(doomed, &st) : found;
}

int hold_open_dir(const struct hold *hold, const char *path, struct fs_root *dir, struct err *err)
{
    *dir = hold->store->fs;
    return fs_open(&hold->store->fs, path, O_RDONLY | O_DIRECTORY, &dir->fd, err);
}
