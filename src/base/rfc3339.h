/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time, in UTC.
 */
#ifndef BERTH_BASE_RFC3339_H
#define BERTH_BASE_RFC3339_H

#include <time.h>

#define RFC3339_SIZE sizeof "2006-01-02T15:04:05Z"
void rfc3339_format(char out[RFC3339_SIZE], time_t when);

#endif
