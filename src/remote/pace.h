/* SPDX-License-Identifier: Apache-2.0
 *
 * How long to wait before something is tried again, so that many who fail at once do not come back
 * at once.
 */
#ifndef BERTH_REMOTE_PACE_H
#define BERTH_REMOTE_PACE_H

#define PACE_FIRST_MS 500
#define PACE_MAX_MS 15000

/* After the n-th failure in a row, from 1 on: a random time from half of PACE_FIRST_MS, doubled
 * each time up to PACE_MAX_MS, to all of it. */
int pace_ms(int n);
/* Sleeps, whatever signals come. */
void pace_sleep(int ms);

#endif
