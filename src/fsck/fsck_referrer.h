/* SPDX-License-Identifier: Apache-2.0
 *
 * The referrers index.
 */
#ifndef BERTH_FSCK_FSCK_REFERRER_H
#define BERTH_FSCK_FSCK_REFERRER_H

#include "fsck/fsck_run.h"
#include "oci/manifest.h"

/* A manifest's place among the referrers of its subject. size: of the manifest. */
void fsck_referrer_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                         const struct manifest *manifest, int64_t size);
/* Entries that should not be there. */
void fsck_referrer_check_all(struct fsck *fsck, const struct name *name);

#endif
