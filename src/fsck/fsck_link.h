/* SPDX-License-Identifier: Apache-2.0
 *
 * Links, which say again what their path says.
 */
#ifndef BERTH_FSCK_FSCK_LINK_H
#define BERTH_FSCK_FSCK_LINK_H

#include "fsck/fsck_tree.h"

/* Checks the link of <hex>/link, and what else is in <hex>. dir: that directory. */
void fsck_link_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                     const struct fsck_entry *dir, void *context);

#endif
