/* SPDX-License-Identifier: Apache-2.0
 *
 * Upload sessions to which nothing came for the grace.
 */
#ifndef BERTH_GC_UPLOADS_H
#define BERTH_GC_UPLOADS_H

#include "gc/pass.h"

/* Removes a repository's stale sessions. *left: of how many something is left. */
int uploads_sweep(struct pass *pass, const struct name *name, size_t *left, struct err *err);

#endif
