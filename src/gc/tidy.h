/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left over in a repository that was swept: of tags, of referrers, of uploads, and the
 * repository itself, if it is empty.
 */
#ifndef BERTH_GC_TIDY_H
#define BERTH_GC_TIDY_H

#include "gc/graph.h"

int tidy_repository(struct graph *graph, struct err *err);

#endif
