/* SPDX-License-Identifier: Apache-2.0
 *
 * What manifests refer to: configurations, layers, children of an index.
 */
#ifndef BERTH_FSCK_FSCK_REFERENCE_H
#define BERTH_FSCK_FSCK_REFERENCE_H

#include "base/strings.h"
#include "fsck/fsck_run.h"
#include "oci/manifest.h"

/* Adds to *linked the children that it linked to the repository, and that are to be checked now. */
void fsck_reference_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                          const struct manifest *manifest, struct strings *linked);

#endif
