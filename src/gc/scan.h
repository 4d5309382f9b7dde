/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a repository into a graph: its tags, its revisions, and what manifests name.
 *
 * A child or a subject need not be there, and need not be a manifest: what is held only as a layer
 * is one if it reads as one, as Distribution's first versions kept manifests, and else a leaf.
 */
#ifndef BERTH_GC_SCAN_H
#define BERTH_GC_SCAN_H

#include "gc/graph.h"
#include "oci/manifest.h"

/* How large a manifest may be, and how much memory its JSON may take while it is read. */
struct scan_limits {
    size_t text, json; /* bytes */
};
extern const struct scan_limits SCAN_SMALL; /* in several threads at a time */
extern const struct scan_limits SCAN_LARGE; /* in one: all that can be pushed */

/* 0: it holds a manifest beyond the limits. -1: it cannot be listed. graph_free afterwards,
 * whatever it was. Changes nothing of the pass. */
int scan_repository(struct graph *graph, const struct scan_limits *limits, struct err *err);

/* Reads the node's manifest again and visits what it names, but its subject. 0: it is beyond the
 * limits. One that cannot be read any more damages the graph. */
typedef void scan_visit_fn(struct graph *graph, const struct descriptor *reference, void *context);
int scan_again(struct graph *graph, uint32_t at, const struct scan_limits *limits,
               scan_visit_fn *visit, void *context);

#endif
