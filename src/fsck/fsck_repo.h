/* SPDX-License-Identifier: Apache-2.0
 *
 * Repositories: their directories, what stands among them, and all that is in them.
 */
#ifndef BERTH_FSCK_FSCK_REPO_H
#define BERTH_FSCK_FSCK_REPO_H

#include "fsck/fsck_run.h"

void fsck_repo_check_all(struct fsck *fsck);

#endif
