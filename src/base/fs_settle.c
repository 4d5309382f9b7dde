/* SPDX-License-Identifier: Apache-2.0
 * L0: what another process made and may not have synced: the young part of a path. */
#include "base/fs_settle.h"

#include "base/file.h"
#include "base/fs_path.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static bool is_young(const struct statx_timestamp *when)
{
    return when->tv_sec > time(NULL) - FS_SETTLE_YOUNG_S;
}

/* When it got its place at the latest. A directory is made where it stays, and its ctime is that of
 * its last entry; where the file system knows no births, that has to do. */
static const struct statx_timestamp *placed_at(const struct statx *stx)
{
    bool birth = S_ISDIR(stx->stx_mode) && stx->stx_mask & STATX_BTIME;

    return birth ? &stx->stx_btime : &stx->stx_ctime;
}

#define LOOKED_AT (STATX_TYPE | STATX_INO | STATX_CTIME | STATX_BTIME)

static int look(int dir, const char *path, struct statx *stx)
{
    return statx(dir, path, AT_SYMLINK_NOFOLLOW, LOOKED_AT, stx);
}

/* As the file server has it now: a client may keep a directory's times for a minute. */
static int look_afresh(int dir, const char *path, struct statx *stx)
{
    return statx(dir, path, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, LOOKED_AT, stx);
}

/* One thing in its place. Made again, it has another inode or birth. */
struct fs_settled {
    uint64_t ino;
    struct statx_timestamp since;
    uint32_t dev_major, dev_minor;
};

#define KNOWN_MAX 256
static thread_local struct fs_settled known[KNOWN_MAX];
static thread_local size_t n_known; /* so far; the latest stay */

static struct fs_settled placed_of(const struct statx *stx)
{
    return (struct fs_settled){stx->stx_ino, *placed_at(stx), stx->stx_dev_major,
                               stx->stx_dev_minor};
}

static bool is_known(const struct fs_settled *placed)
{
    for (size_t i = 0; i < KNOWN_MAX && i < n_known; i++)
        if (known[i].ino == placed->ino && known[i].since.tv_sec == placed->since.tv_sec &&
            known[i].since.tv_nsec == placed->since.tv_nsec &&
            known[i].dev_major == placed->dev_major && known[i].dev_minor == placed->dev_minor)
            return true;
    return false;
}

static void note(const struct fs_settled *placed, struct dirty *dirty)
{
    dirty->placed = mem_grow(dirty->placed, dirty->n_placed + 1, sizeof *dirty->placed);
    dirty->placed[dirty->n_placed++] = *placed;
}

void fs_settle_note(const struct fs_root *root, const char *path, struct dirty *dirty)
{
    struct statx stx;

    if (!root->durable || look(root->fd, path, &stx) < 0)
        return;
    struct fs_settled placed = placed_of(&stx);
    note(&placed, dirty);
}

void fs_settle_keep(const struct dirty *dirty)
{
    for (size_t i = 0; i < dirty->n_placed; i++)
        known[n_known++ % KNOWN_MAX] = dirty->placed[i];
}

/* What of a path is to be durable, besides its place where it is there. */
enum settling { PLACE, ABSENCE, ENTRIES };

/* Cuts off the last component. */
static void cut(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        *slash = '\0';
    else
        memcpy(path, ".", 2);
}

/* What is old is in a directory that is as old, and so on: the first that is old is the last to be
 * looked at. Where nothing was entered in a directory lately, what is in it is old, too, whatever
 * its own ctime says: a link or blob that was renewed for a client is where it was. */
static int settle_place(const struct fs_root *root, char *path, struct statx *stx,
                        struct dirty *dirty, struct err *err)
{
    while (strcmp(path, ".") != 0) {
        struct fs_settled placed = placed_of(stx);
        if (!is_young(&placed.since))
            return 0;
        cut(path);
        if (look_afresh(root->fd, path, stx) < 0)
            return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "stat %s", path);
        if (!is_young(&stx->stx_ctime))
            return 0;
        if (!is_known(&placed)) {
            dirty_add(dirty, path);
            note(&placed, dirty);
        }
    }
    return 0;
}

static int settle(const struct fs_root *root, const char *path, enum settling what,
                  struct dirty *dirty, struct err *err)
{
    char at[FS_PATH_SIZE];
    struct statx stx;

    if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at)
        return err_sys(err, ENAMETOOLONG, "stat %.64s...", path);
    bool there = look(root->fd, at, &stx) == 0;
    int errnum = there ? 0 : errno;
    while (errnum && fs_path_is_absent(errnum) && strcmp(at, ".") != 0) {
        cut(at);
        errnum = look(root->fd, at, &stx) == 0 ? 0 : errno;
    }
    if (errnum)
        return err_sys(err, errnum, "stat %s", at);
    if (!root->durable)
        return there;
    if ((what == ENTRIES || (what == ABSENCE && !there)) && is_young(&stx.stx_ctime))
        dirty_add(dirty, at);
    return settle_place(root, at, &stx, dirty, err) < 0 ? -1 : there;
}

int fs_settle(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err)
{
    return settle(root, path, ABSENCE, dirty, err);
}

int fs_settle_entries(const struct fs_root *root, const char *path, struct dirty *dirty,
                      struct err *err)
{
    return settle(root, path, ENTRIES, dirty, err);
}

int fs_settle_ancestors(const struct fs_root *root, const char *path, struct dirty *dirty,
                        struct err *err)
{
    return settle(root, path, PLACE, dirty, err) < 0 ? -1 : 0;
}

static int sync_directory(const char *path)
{
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -1 : file_sync(fd);
}

/* Where what is above cannot be read by us, the file system has to be synced as a whole. */
int fs_settle_root(const struct fs_root *root, const char *path, struct err *err)
{
    char at[PATH_MAX];
    struct statx stx;

    if (!root->durable || snprintf(at, sizeof at, "%s", path) >= (int)sizeof at)
        return 0;
    while (look(AT_FDCWD, at, &stx) == 0 && is_young(placed_at(&stx))) {
        char *slash = strrchr(at, '/');
        if (slash == at && !at[1])
            return 0;
        if (slash == at)
            at[1] = '\0';
        else if (slash)
            *slash = '\0';
        else
            memcpy(at, ".", 2);
        if (sync_directory(at) < 0)
            return errno == EACCES ? fs_sync_all(root, err)
                                   : err_sys(err, errno, "fsync directory %s", at);
        if (!slash)
            return 0;
    }
    return 0;
}
