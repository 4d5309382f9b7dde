/* SPDX-License-Identifier: Apache-2.0
 *
 * Why `berth retain` keeps or removes a tag or a manifest, in words: which rule, in which line.
 */
#ifndef BERTH_ADMIN_RETAIN_WHY_H
#define BERTH_ADMIN_RETAIN_WHY_H

#include "api/config.h"
#include "base/buf.h"
#include "registry/retain.h"

/* The repository that is spoken of. */
struct retain_case {
    const struct config *conf;
    const struct policy *policy;
    const struct name *name;
    const struct retain_section *section; /* that applies to it */
    const struct retain_history *history;
};

void retain_why_tag(const struct retain_case *the, const struct retain_tag *tag, struct buf *out);
void retain_why_manifest(const struct retain_case *the, const struct retain_manifest *manifest,
                         struct buf *out);
/* The rule's name; NULL: none says so. */
const char *retain_why_rule(enum retain_reason reason);

#endif
