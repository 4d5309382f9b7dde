/* SPDX-License-Identifier: Apache-2.0
 *
 * Mistakes in a configuration, all that can be found at once, for `berth config check`. Reads the
 * files that the configuration names, and changes nothing.
 */
#ifndef BERTH_CHECK_CHECK_H
#define BERTH_CHECK_CHECK_H

#include "api/config.h"
#include "check/findings.h"

/* All that is below. */
void check_config(const struct config *conf, struct findings *findings);

/* check_access.c: groups and rules for repositories. */
void check_access(const struct config *conf, struct findings *findings);
/* check_retain.c: retention. */
void check_retain(const struct config *conf, struct findings *findings);
/* check_token.c: keys, and issuers of tokens. */
void check_token(const struct config *conf, struct findings *findings);

/* check_reach.c, for access and retention: which section is for a repository. Warns if the nth of
 * these, all of this kind, can never apply. */
struct check_pattern {
    const char *text; /* the section's title, for the repositories which it matches most narrowly */
    struct settings_place place;
};
void check_reach(const char *kind, const struct check_pattern *patterns, size_t n_patterns,
                 size_t nth, struct findings *findings);

#endif
