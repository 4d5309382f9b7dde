/* SPDX-License-Identifier: Apache-2.0
 *
 * Berth's own directory in the store.
 */
#ifndef BERTH_FSCK_FSCK_OWN_H
#define BERTH_FSCK_FSCK_OWN_H

#include "fsck/fsck_run.h"

/* -1: the store cannot be checked at all. */
int fsck_own_check(struct fsck *fsck, struct err *err);

#endif
