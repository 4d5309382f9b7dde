/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be wrong, and what is done with it.
 *
 * Names are made after what they point at and removed before it. So a suspicion looks for the
 * content first and for the name last: a name that is still there when its content was found
 * missing is at fault.
 */
#ifndef BERTH_FSCK_FSCK_SUSPECT_H
#define BERTH_FSCK_FSCK_SUSPECT_H

#include "fsck/fsck_run.h"

struct fsck_suspect {
    enum fsck_code code;
    const char *path;            /* NULL: it is about the digest in the repository */
    const struct name *name;     /* NULL: of no repository; else lock_repo is held */
    const struct digest *digest; /* NULL: of none */
    const char *text;            /* what is wrong */
    /* Called once more under the locks: false if all is well by now. */
    bool (*holds)(struct fsck *fsck, const struct fsck_suspect *suspicion);
    /* Mends it, appending to `what` what was done. NULL: that cannot be done. */
    int (*mend)(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                struct err *err);
    /* After mend, moves the digest's blob away if this says once more that it is damaged, called
     * under lock_gc exclusive. NULL: the blob is no part of it. */
    bool (*remove_blob)(struct fsck *fsck, const struct fsck_suspect *suspicion);
    bool unlocked; /* for what the locks themselves need */
    bool slow;     /* a program may be at it without a lock: wait before looking again */
    void *context;
};

enum fsck_verdict { FSCK_SOUND, FSCK_FAULTY, FSCK_MENDED };
/* Looks again, reports, and mends if asked for. FSCK_SOUND: there was nothing. */
enum fsck_verdict fsck_suspect_settle(struct fsck *fsck, const struct fsck_suspect *suspicion);
/* mend: moves path into quarantine. */
int fsck_suspect_move(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                      struct err *err);
/* Reports that something cannot be read, unless something that is reported otherwise explains it.
 */
void fsck_suspect_unreadable(struct fsck *fsck, const char *path, const struct err *why);

#endif
