/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth gc` and `berth expire` say: a line for each thing that goes, if that is wanted, as it
 * goes, and the sum of it all.
 */
#ifndef BERTH_ADMIN_GC_REPORT_H
#define BERTH_ADMIN_GC_REPORT_H

#include "base/strings.h"
#include "cli/bar.h"
#include "cli/output.h"
#include "gc/gc.h"

/* Set to {0} but for the first two; gc_report_end afterwards. */
struct gc_report {
    bool dry_run;
    bool lists; /* each thing that goes */
    struct bar bar;
    struct output out;
    struct gc_problem *problems;
    size_t n_problems;
    bool failed; /* to print */
    struct err err;
};

void gc_report_begin(struct gc_report *report, bool json, bool quiet);
void gc_report_item(struct gc_report *report, const struct gc_item *item);
/* Said on standard error at once; JSON repeats it. name: NULL, or of which repository. */
void gc_report_problem(struct gc_report *report, const struct name *name, const char *message);
/* The rest of what was said, too; ERR_IO. */
int gc_report_summary(struct gc_report *report, const struct gc_totals *totals, double seconds,
                      struct err *err);
void gc_report_end(struct gc_report *report);

#endif
