/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may see /metrics, berth.conf(5): read again when the configuration changes.
 */
#ifndef BERTH_API_METRICS_H
#define BERTH_API_METRICS_H

#include "base/settings.h"

struct metrics_settings {
    struct strings metrics; /* "off", "login", "token", addresses and networks; none: "login" */
    char *token;            /* file with the token, on its first line; "": none */
};
extern const struct settings_table metrics_table;

#endif
