/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what all parts of a run know. */
#include "fsck/fsck_run.h"

bool fsck_run_stopped(const struct fsck *fsck)
{
    return fsck->options.stop && atomic_load(fsck->options.stop);
}

void fsck_run_step(struct fsck *fsck, const char *what)
{
    progress_at(fsck->options.items, what, ++fsck->items, -1);
}
