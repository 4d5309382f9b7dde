/* SPDX-License-Identifier: Apache-2.0
 *
 * What is found to be wrong with a configuration. Set to {0}; findings_free afterwards.
 */
#ifndef BERTH_CHECK_FINDINGS_H
#define BERTH_CHECK_FINDINGS_H

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

void findings_error(struct findings *findings, const struct err *err);
void findings_warn(struct findings *findings, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void findings_free(struct findings *findings);

#endif
