/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `berth config check`, each of which config.c calls once.
 */
#ifndef BERTH_ADMIN_CONFIG_PARTS_H
#define BERTH_ADMIN_CONFIG_PARTS_H

#include "admin/findings.h"
#include "api/config.h"

/* config_access.c: groups and rules for repositories. */
void config_access_check(const struct config *conf, struct findings *findings);
/* config_retain.c: retention. */
void config_retain_check(const struct config *conf, struct findings *findings);

/* config_reach.c, for the two above: which section is for a repository. Warns if the nth of these,
 * all of this kind, can never apply. */
struct config_pattern {
    const char *text; /* the section's title, for the repositories which it matches most narrowly */
    struct settings_place place;
};
void config_reach_check(const char *kind, const struct config_pattern *patterns, size_t n_patterns,
                        size_t nth, struct findings *findings);

#endif
