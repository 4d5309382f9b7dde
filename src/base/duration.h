/* SPDX-License-Identifier: Apache-2.0
 *
 * Lengths of time as people write them; base/amount.h prints them.
 */
#ifndef BERTH_BASE_DURATION_H
#define BERTH_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* A number with s, m, h, d or w behind it, like 12h or 90d: in seconds, at most a hundred years. */
bool duration_parse(const char *s, int64_t *seconds);

#endif
