/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the hashing is, in a file outside of the store, so that it can go on later. The file is
 * replaced as a whole.
 */
#ifndef BERTH_FSCK_FSCK_STATE_H
#define BERTH_FSCK_FSCK_STATE_H

#include "base/strings.h"
#include "fsck/fsck_run.h"

struct fsck_state {
    struct fs_root dir;
    char *name;       /* NULL: there is no state */
    struct buf head;  /* whose it is */
    struct digest at; /* the last that is done */
    bool has_at;
    int64_t blobs, bytes;   /* done */
    struct strings damaged; /* blobs that were found damaged */
    int64_t saved_ms;
};
/* Reads it. ERR_USAGE: it is of another store or other options. */
int fsck_state_open(struct fsck *fsck, struct fsck_state *state, struct err *err);
void fsck_state_done(struct fsck_state *state, const struct digest *digest, int64_t size,
                     bool damaged);
int fsck_state_save(struct fsck_state *state, bool now, struct err *err);
/* complete: the next run starts anew. */
int fsck_state_close(struct fsck_state *state, bool complete, struct err *err);

#endif
