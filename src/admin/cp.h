/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth cp` and `berth tag` have in common: both copy a manifest, the latter mostly within a
 * repository.
 */
#ifndef BERTH_ADMIN_CP_H
#define BERTH_ADMIN_CP_H

#include "cli/options.h"
#include "oci/reference.h"
#include "registry/copy.h"

struct cp_line {
    struct options_common common;
    bool no_referrers, verbose, quiet;
};
extern const struct options_row cp_rows[];

/* REPOSITORY[:TAG]; without a tag *target is left alone. */
int cp_parse_target(const char *text, struct name *name, struct reference *target, struct err *err);
/* Copies what source is in copy.from, and says what was done. */
int cp_run(const struct cp_line *options, const struct reference *source, struct copy copy,
           struct err *err);

#endif
