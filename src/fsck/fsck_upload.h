/* SPDX-License-Identifier: Apache-2.0
 *
 * Upload sessions. One that is younger than the grace may be half-written; one that is whole goes
 * on for as long as it likes.
 */
#ifndef BERTH_FSCK_FSCK_UPLOAD_H
#define BERTH_FSCK_FSCK_UPLOAD_H

#include "fsck/fsck_run.h"

void fsck_upload_check_all(struct fsck *fsck, const struct name *name);

#endif
