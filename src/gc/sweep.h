/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks what a repository needs, and sweeps the names in it that nobody can reach.
 */
#ifndef BERTH_GC_SWEEP_H
#define BERTH_GC_SWEEP_H

#include "gc/graph.h"

int sweep_repository(struct graph *graph, struct err *err);

#endif
