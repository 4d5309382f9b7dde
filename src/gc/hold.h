/* SPDX-License-Identifier: Apache-2.0
 *
 * How the collector removes: under lock_gc, exclusively, for moments, so that nobody waits for
 * long. Each thing that is removed wants its own hold_take, and a look after it whether it may
 * still go.
 */
#ifndef BERTH_GC_HOLD_H
#define BERTH_GC_HOLD_H

#include "base/strings.h"
#include "store/lock.h"

struct hold {
    const struct store *store;
    bool dry_run;
    struct lock lock;      /* held between hold_take and hold_pause or hold_end */
    int64_t locked_ms;     /* since when */
    int64_t looked_ms;     /* when nobody waited */
    int64_t late_ms;       /* by which what others did may be seen late (storage/storage.h) */
    int64_t longest_ms;    /* for which others had to wait at most */
    bool names_synced;     /* all that was gone is so on disk: blobs may go */
    struct strings doomed; /* what was moved to _berth/tmp and is to be taken apart */
};

/* Holds the lock when it returns, and sees what was done before; lets go of it in between if that
 * took long enough for others to wait. ERR_BUSY: it was never to be had. */
int hold_take(struct hold *hold, struct err *err);
/* Lets go, to look at what may take long. */
void hold_pause(struct hold *hold);
/* The same, and takes apart what was moved away. */
int hold_end(struct hold *hold, struct err *err);

/* Removes a link and its directory. The lock is held. */
int hold_unlink(struct hold *hold, const char *path, struct err *err);
/* Removes a tree at once, by moving it away, and notes where it was; hold_end takes it apart. The
 * lock is held. */
int hold_remove_tree(struct hold *hold, const char *path, struct dirty *dirty, struct err *err);

/* Between names and what they point at: lets go of the lock, and syncs what is dirty; or, before
 * the first blob goes, all that anybody removed. */
int hold_sync(struct hold *hold, struct dirty *dirty, struct err *err);
int hold_sync_names(struct hold *hold, struct err *err);

/* What may go, and what it was. */
struct hold_doomed {
    int64_t before; /* its mtime is less (ns); or where mtime is set, whatever `before` is: */
    int64_t mtime;  /* it is the one that was seen; 0: any */
    struct stat st; /* as it was */
    bool is_there;
};
/* Removes dir/hex/file and its directory, if it may go. In a dry run it looks only. 0: it stays, or
 * is gone. Takes the lock itself. */
int hold_remove_lone(struct hold *hold, const struct fs_root *dir, const char *hex,
                     const char *file, struct hold_doomed *doomed, struct err *err);
/* Opens a directory to remove in it; *dir is closed by fs_root_close. 0: there is none. */
int hold_open_dir(const struct hold *hold, const char *path, struct fs_root *dir, struct err *err);

#endif
