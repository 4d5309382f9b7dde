/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what is done with a suspicion. */
#include "fsck/fsck_suspect.h"

#include "fsck/fsck_look.h"
#include "store/layout.h"
#include "store/lock.h"

#include <errno.h>
#include <time.h>

#define LOOK_AGAIN_MS 30

/* Where no lock keeps others out, or they need none for it, what looks wrong may be half of what
 * another program is about. If that was so with none of so many, the store is at rest: then one now
 * and then waits to be looked at again, and the first that was about to change makes all others
 * wait anew. */
#define AT_REST 32
#define NOW_AND_THEN 256

struct locks {
    struct lock gc, repo;
};

static void locks_free(struct locks *locks)
{
    lock_free(&locks->repo);
    lock_free(&locks->gc);
}

static bool exists(struct fsck *fsck, const char *path)
{
    return fsck_look_type(fsck, path) == FSCK_FILE;
}

/* 0: there is nothing to lock, and nothing may be made: where berth's directory is missing, it has
 * not changed the store yet. */
static int take_locks(struct fsck *fsck, const struct fsck_suspect *suspicion, struct locks *locks,
                      struct err *err)
{
    struct layout_path path;

    if (suspicion->unlocked)
        return 0;
    if (!fsck->options.repair &&
        (!exists(fsck, LAYOUT_LOCKS "/gc.gate") || !exists(fsck, LAYOUT_LOCKS "/gc") ||
         (suspicion->name && !exists(fsck, layout_repo_lock(&path, suspicion->name)))))
        return 0;
    if (lock_gc(fsck->store, FS_LOCK_SHARED, &locks->gc, err) < 0)
        return -1;
    if (suspicion->name && lock_repo(fsck->store, suspicion->name, &locks->repo, err) < 0)
        return -1;
    if (suspicion->name && fsck->options.repair && lock_repo_change(&locks->repo, err) < 0)
        return -1; /* a tag may be mended */
    return 1;
}

static void look_again_later(void)
{
    struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};

    nanosleep(&pause, NULL);
}

static bool may_be_halfway(const struct fsck *fsck)
{
    return fsck->unlocked_held < AT_REST || fsck->unlocked_held % NOW_AND_THEN == 0;
}

static void report(struct fsck *fsck, const struct fsck_suspect *suspicion, const char *repaired,
                   const char *not_repaired)
{
    struct fsck_finding finding = {
        .code = suspicion->code,
        .path = suspicion->path,
        .repository = suspicion->name ? suspicion->name->s : NULL,
        .digest = suspicion->digest ? suspicion->digest->s : NULL,
        .message = suspicion->text,
        .repaired = repaired,
        .not_repaired = not_repaired,
    };

    if (fsck_code_is_error(suspicion->code))
        fsck->summary.errors++;
    else if (fsck_code_is_note(suspicion->code))
        fsck->summary.notes++;
    else
        fsck->summary.warnings++;
    fsck->summary.repaired += repaired != NULL;
    fsck->report(fsck->context, &finding);
}

/* Only the rename is under the lock that keeps everyone out, so that a push which has put a sound
 * blob there meanwhile does not lose it. */
static int remove_blob(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                       struct err *err)
{
    struct layout_path path;
    struct lock gc = {-1};
    AUTO_BUF where = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    int moved = 0;

    if (lock_gc(fsck->store, FS_LOCK_EXCLUSIVE, &gc, err) < 0)
        return -1;
    if (suspicion->remove_blob(fsck, suspicion))
        moved = quarantine_move(fsck->store, &fsck->quarantine,
                                layout_blob(&path, suspicion->digest), &where, &dirty, err);
    lock_free(&gc);
    if (moved < 0 || dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    if (moved > 0)
        buf_addf(what, "; content moved to %s", where.s);
    return 0;
}

enum fsck_verdict fsck_suspect_settle(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct locks locks = {{-1}, {-1}};
    struct err err;
    AUTO_BUF what = BUF_INIT;
    bool mend = fsck->options.repair && suspicion->mend;

    if (suspicion->slow && may_be_halfway(fsck))
        look_again_later();
    int locked = take_locks(fsck, suspicion, &locks, &err);
    bool kept_out = locked > 0 || suspicion->unlocked || suspicion->slow;
    if (!kept_out && may_be_halfway(fsck))
        look_again_later();
    bool holds = suspicion->holds(fsck, suspicion);
    if (!kept_out || suspicion->slow)
        fsck->unlocked_held = holds ? fsck->unlocked_held + 1 : 0;
    if (!holds) {
        locks_free(&locks);
        return FSCK_SOUND;
    }
    int done = -1;
    if (mend && (locked > 0 || suspicion->unlocked))
        done = suspicion->mend(fsck, suspicion, &what, &err);
    locks_free(&locks);
    if (done == 0 && suspicion->remove_blob)
        done = remove_blob(fsck, suspicion, &what, &err);
    if (done == 0) {
        report(fsck, suspicion, what.s, NULL);
        return FSCK_MENDED;
    }
    report(fsck, suspicion, NULL, mend ? err.msg : NULL);
    return FSCK_FAULTY;
}

int fsck_suspect_move(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                      struct err *err)
{
    AUTO_BUF where = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    if (quarantine_move(fsck->store, &fsck->quarantine, suspicion->path, &where, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addf(what, "moved to %s", where.s);
    return 0;
}

static bool has_wrong_mode(struct fsck *fsck, const char *part, bool last)
{
    struct stat st, root;
    struct err err;

    (void)last;
    if (fs_stat(&fsck->store->fs, part, &st, &err) <= 0 || fstat(fsck->store->fs.fd, &root) < 0)
        return false;
    const struct fs_root *fs = &fsck->store->fs;
    mode_t wanted = S_ISDIR(st.st_mode) ? fs_dir_mode(fs, part) : fs_file_mode(fs, part);
    return (wanted & 0777 & ~st.st_mode) != 0 || st.st_uid != root.st_uid;
}

static bool always(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    (void)fsck;
    (void)suspicion;
    return true;
}

void fsck_suspect_unreadable(struct fsck *fsck, const char *path, const struct err *why)
{
    struct fsck_suspect suspicion = {
        .code = FSCK_FILE_UNREADABLE,
        .path = path,
        .text = why->msg,
        .holds = always,
        .unlocked = true,
    };

    if (why->sys == ELOOP || (why->sys == EACCES && fsck_look_any_part(fsck, path, has_wrong_mode)))
        return;
    fsck->told_unreadable = true;
    fsck_suspect_settle(fsck, &suspicion);
}
