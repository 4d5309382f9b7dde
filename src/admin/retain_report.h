/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth retain` says: a line for each tag and manifest, or JSON, and the sum of it all.
 */
#ifndef BERTH_ADMIN_RETAIN_REPORT_H
#define BERTH_ADMIN_RETAIN_REPORT_H

#include "admin/retain_why.h"
#include "cli/options.h"
#include "cli/output.h"

struct retain_line {
    struct options_common common;
    bool dry_run, verbose, quiet;
};

/* Set to {0} but for the first three; retain_report_end afterwards. */
struct retain_report {
    const struct retain_line *options;
    const struct config *conf;
    const struct policy *policy;

    /* Of the repository that is looked at. */
    struct retain_case the;
    struct output
        manifests; /* lines, or a list in JSON; those of tags, which may be many, are not kept */

    struct output out;
    size_t repositories, without_section, failed;
    size_t tags_kept, tags_removed, manifests_kept, manifests_removed;
};

void retain_report_begin(struct retain_report *report);
/* From here on it is about this repository, to which this section applies. */
void retain_report_open(struct retain_report *report, const struct name *name,
                        const struct retain_section *section);
/* What is told of one tag or manifest. */
void retain_report_tag(struct retain_report *report, const struct retain_history *history,
                       const struct retain_tag *tag);
void retain_report_manifest(struct retain_report *report, const struct retain_history *history,
                            const struct retain_manifest *manifest);
/* Prints what the repository comes to; wrong: NULL, or why it was left. ERR_IO. */
int retain_report_close(struct retain_report *report, const struct err *wrong, struct err *err);
/* Prints the sum. */
int retain_report_summary(struct retain_report *report, double seconds, struct err *err);
void retain_report_end(struct retain_report *report);

#endif
