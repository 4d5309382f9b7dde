/* SPDX-License-Identifier: Apache-2.0
 *
 * Between rm.c and rm_repository.c: `berth rm`, of a tag or manifest and of all that a repository
 * has.
 */
#ifndef BERTH_ADMIN_RM_H
#define BERTH_ADMIN_RM_H

#include "base/err.h"
#include "cli/options.h"

struct rm_line {
    struct options_common common;
    bool recursive, dry_run, quiet;
};

/* Says on standard error when and how the space comes back. */
void rm_note_grace(int64_t grace);

/* rm_repository.c: what --recursive does. */
int rm_repository(const struct rm_line *options, const char *name, struct err *err);

#endif
