/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth config check` finds.
 */
#ifndef BERTH_ADMIN_FINDINGS_H
#define BERTH_ADMIN_FINDINGS_H

#include "base/conf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* An error is what berth.fcgi would not start with, or somebody could not log in for; a warning is
 * what is hardly meant. */
struct finding {
    bool is_error;
    char *text;
};

struct findings {
    struct finding *v;
    size_t n;
    size_t errors;
};

void config_error(struct findings *findings, const struct err *err);
void config_warn(struct findings *findings, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Groups and repositories. (config_access.c) */
void config_check_access(const struct conf *conf, struct findings *findings);
/* Retention. (config_retain.c) */
void config_check_retain(const struct conf *conf, struct findings *findings);

/* The title of a section that is for the repositories which it matches most narrowly. */
struct config_pattern {
    const char *text;
    int line;
};
/* Warns if the nth of these sections, all of this kind, can never apply. (config_access.c) */
void config_check_reach(const char *path, const char *kind, const struct config_pattern *patterns,
                        size_t n_patterns, size_t nth, struct findings *findings);

#endif
