/* SPDX-License-Identifier: Apache-2.0
 *
 * Permissions and owners of all files and directories. Root may do this, since nothing is made, and
 * nothing behind a link is touched.
 */
#ifndef BERTH_FSCK_FSCK_MODES_H
#define BERTH_FSCK_FSCK_MODES_H

#include "fsck/fsck_run.h"

void fsck_modes_check(struct fsck *fsck);

#endif
