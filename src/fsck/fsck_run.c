/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what all parts of a run know. */
#include "fsck/fsck_run.h"

#include <errno.h>

bool fsck_run_stopped(const struct fsck *fsck)
{
    return fsck->options.stop && atomic_load(fsck->options.stop);
}

/* Not what is reported where it stands: what is no file as it should be, a symbolic link, what this
 * user may not see. */
int fsck_run_saw(struct fsck *fsck, const char *path, int found, const struct err *err)
{
    bool of_the_moment = found < 0 && err->sys && err->sys != ELOOP && err->sys != EACCES;

    if (of_the_moment && fsck->unseen.len == 0) {
        buf_addstr(&fsck->unseen, path);
        fsck->why_unseen = *err;
    }
    return found;
}

void fsck_run_step(struct fsck *fsck, const char *what)
{
    progress_at(fsck->options.items, what, ++fsck->items, -1);
}
