/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cache of other registries leaves behind in _berth/fetch: layers that nobody waited for
 * to the end, and when something was looked at.
 */
#ifndef BERTH_GC_FETCHES_H
#define BERTH_GC_FETCHES_H

#include "gc/pass.h"

/* Removes what nothing came to for a day, or, of what was asked for, for a month; not what somebody
 * fills just now. */
int fetches_sweep(struct pass *pass, struct err *err);

#endif
