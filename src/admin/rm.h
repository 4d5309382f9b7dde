/* SPDX-License-Identifier: Apache-2.0
 *
 * What rm.c asks of rm_repository.c: the removal of all that a repository has.
 */
#ifndef BERTH_ADMIN_RM_H
#define BERTH_ADMIN_RM_H

#include "cli/options.h"
#include "registry/registry.h"

struct rm_line {
    struct options_common common;
    bool recursive, dry_run, quiet;
};

/* Removes the repository, or with dry_run says what that would remove, and prints it. */
int rm_repository(const struct registry *registry, const struct rm_line *options,
                  const struct name *name, struct err *err);

#endif
