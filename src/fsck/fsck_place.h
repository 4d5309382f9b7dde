/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether blobs lie where they belong.
 */
#ifndef BERTH_FSCK_FSCK_PLACE_H
#define BERTH_FSCK_FSCK_PLACE_H

#include "fsck/fsck_run.h"

/* Counts them, too: fsck->found_blobs and found_bytes. */
void fsck_place_check(struct fsck *fsck);

#endif
