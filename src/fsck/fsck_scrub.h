/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether blobs have their digests.
 */
#ifndef BERTH_FSCK_FSCK_SCRUB_H
#define BERTH_FSCK_FSCK_SCRUB_H

#include "fsck/fsck_run.h"

/* All of them, in the order of their digests. -1: see fsck_content. */
int fsck_scrub_blobs(struct fsck *fsck, struct err *err);

#endif
