/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags.
 */
#ifndef BERTH_FSCK_FSCK_TAG_H
#define BERTH_FSCK_FSCK_TAG_H

#include "fsck/fsck_run.h"

void fsck_tag_check_all(struct fsck *fsck, const struct name *name);

#endif
