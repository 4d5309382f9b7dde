/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth retain` says: a line for each tag and manifest, or JSON, and the sum of it all.
 */
#ifndef BERTH_ADMIN_RETAIN_H
#define BERTH_ADMIN_RETAIN_H

#include "admin/options.h"
#include "auth/policy.h"
#include "base/buf.h"
#include "registry/retain.h"

struct retain_line {
    struct options_common common;
    bool dry_run, verbose, quiet;
};

struct retain_report {
    const struct retain_line *options;
    const struct conf *conf;
    const struct policy *policy;

    /* Of the repository that is looked at. */
    const struct name *name;
    const struct conf_retain *section;
    struct buf tags, manifests; /* lines, or members of JSON's lists */

    size_t repositories, without_section, failed;
    size_t tags_kept, tags_removed, manifests_kept, manifests_removed;
};

void retain_report_begin(const struct retain_report *report, struct buf *out);
/* What is told of one tag or manifest. */
void retain_report_tag(struct retain_report *report, const struct retain_history *history,
                       const struct retain_tag *tag);
void retain_report_manifest(struct retain_report *report, const struct retain_history *history,
                            const struct retain_manifest *manifest);
/* What the repository comes to; wrong: NULL, or why it was left. */
void retain_report_repository(struct retain_report *report, const struct err *wrong,
                              struct buf *out);
void retain_report_end(const struct retain_report *report, double seconds, struct buf *out);

#endif
