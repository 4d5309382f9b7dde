/* SPDX-License-Identifier: Apache-2.0
 *
 * The collector's way through all repositories: they are swept one by one, in order; while one is,
 * other threads read those that come next.
 */
#ifndef BERTH_GC_AHEAD_H
#define BERTH_GC_AHEAD_H

#include "base/strings.h"
#include "gc/pass.h"

/* One that fails does not keep the others from being collected, but no blob goes then. */
int ahead_sweep(struct pass *pass, const struct strings *names, struct err *err);

#endif
