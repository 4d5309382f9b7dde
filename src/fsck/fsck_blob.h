/* SPDX-License-Identifier: Apache-2.0
 *
 * A blob that is not what it should be.
 */
#ifndef BERTH_FSCK_FSCK_BLOB_H
#define BERTH_FSCK_FSCK_BLOB_H

#include "fsck/fsck_run.h"

/* Reports it, and moves it away. st: of the file that was read. */
void fsck_blob_bad(struct fsck *fsck, enum fsck_code code, const struct digest *digest,
                   const struct stat *st, const char *text);

#endif
