/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a manifest: its link among the revisions, and the tags that point at it.
 */
#ifndef BERTH_FSCK_FSCK_NAMES_H
#define BERTH_FSCK_FSCK_NAMES_H

#include "fsck/fsck_suspect.h"

/* mend: takes the names of the suspicion's manifest, whose content is gone, out of the way. */
int fsck_names_take(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                    struct err *err);
/* mend: links the suspicion's manifest to its repository. */
int fsck_names_link(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                    struct err *err);

#endif
