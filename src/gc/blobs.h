/* SPDX-License-Identifier: Apache-2.0
 *
 * Blobs that no repository marked, and litter in _berth/tmp.
 */
#ifndef BERTH_GC_BLOBS_H
#define BERTH_GC_BLOBS_H

#include "gc/pass.h"

int blobs_sweep(struct pass *pass, struct err *err);
int blobs_sweep_litter(struct pass *pass, struct err *err);

#endif
