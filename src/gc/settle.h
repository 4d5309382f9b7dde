/* SPDX-License-Identifier: Apache-2.0
 *
 * What lives in a repository and what does not (gc/gc.h says why).
 */
#ifndef BERTH_GC_SETTLE_H
#define BERTH_GC_SETTLE_H

#include "gc/scan.h"

/* Settles node->live and graph->needed. 0: there is a manifest beyond the limits. */
int settle_graph(struct graph *graph, const struct scan_limits *limits);
/* The dead manifests, each behind those that name it; free(3). */
uint32_t *settle_dead(struct graph *graph, uint32_t *n);

#endif
