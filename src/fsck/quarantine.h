/* SPDX-License-Identifier: Apache-2.0
 *
 * Where fsck puts what has to get out of the way: nothing is removed, and everything keeps its path
 * below _berth/quarantine/<time>, so that it can be brought back by hand. And the notes, in
 * _berth/lost, of content that is gone and has to be pushed again.
 *
 * Changes want the locks of what is moved: lock_gc exclusive for a blob, else shared, and
 * lock_repo.
 */
#ifndef BERTH_FSCK_QUARANTINE_H
#define BERTH_FSCK_QUARANTINE_H

#include "store/store.h"

#include <time.h>

struct quarantine {
    char dir[64]; /* of this run, below the store */
};

void quarantine_init(struct quarantine *quarantine, time_t now);
/* Moves a file, a directory with all in it, or a symbolic link itself. *where: its new path. 0: it
 * is not there. */
int quarantine_move(const struct store *store, const struct quarantine *quarantine,
                    const char *path, struct buf *where, struct dirty *dirty, struct err *err);

/* Notes that content is gone. */
int quarantine_note_lost(const struct store *store, const struct digest *digest, struct err *err);
/* Whether there is such a note. */
bool quarantine_is_lost(const struct store *store, const struct digest *digest);
/* Removes the notes of all content that is there again. */
int quarantine_forget_found(const struct store *store, struct err *err);

#endif
