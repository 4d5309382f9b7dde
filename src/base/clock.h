/* SPDX-License-Identifier: Apache-2.0
 *
 * A clock for durations, which nobody sets and which never goes back.
 */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_ns(void);
int64_t clock_ms(void);
double clock_seconds(void);

#endif
