/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth gc` and `berth expire` have in common: the collector runs, and what it did is said.
 */
#ifndef BERTH_ADMIN_GC_H
#define BERTH_ADMIN_GC_H

#include "cli/options.h"
#include "gc/gc.h"

struct gc_line {
    struct options_common common;
    bool dry_run, verbose, quiet;
    int64_t grace;
};
extern const struct options_row gc_rows[];

typedef int gc_collect_fn(const struct store *store, const struct gc_options *options,
                          struct gc_totals *totals, struct err *err);
int gc_collect(const struct gc_line *options, gc_collect_fn *collect, struct err *err);

#endif
