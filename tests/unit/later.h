/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock of a test that is linked with --wrap=time, so that what it made grows old.
 */
#ifndef BERTH_UNIT_LATER_H
#define BERTH_UNIT_LATER_H

#include <stdint.h>

/* How many seconds time(2) is ahead. */
extern int64_t later;

#endif
