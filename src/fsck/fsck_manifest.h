/* SPDX-License-Identifier: Apache-2.0
 *
 * Revisions, and the manifests that they stand for.
 */
#ifndef BERTH_FSCK_FSCK_MANIFEST_H
#define BERTH_FSCK_FSCK_MANIFEST_H

#include "fsck/fsck_run.h"

/* Checks one revision and what it refers to. */
void fsck_manifest_check(struct fsck *fsck, const struct name *name, const struct digest *digest);
/* Its content is damaged. */
void fsck_manifest_damaged(struct fsck *fsck, const struct name *name, const struct digest *digest);

#endif
