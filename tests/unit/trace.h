/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches the calls that make a store durable, by standing in for libc's fsync, renameat and
 * mkdirat. A program that uses it records them all between trace_start and trace_stop, in order.
 * Paths are relative to the directory that trace_start was given.
 */
#ifndef BERTH_UNIT_TRACE_H
#define BERTH_UNIT_TRACE_H

#include <stdbool.h>
#include <stddef.h>

void trace_start(const char *dir);
void trace_stop(void);

/* The place in the record of the first call of its kind on a path that ends in `end`, behind place
 * `after` (-1: from the start); -1: there is none. */
int trace_fsync(const char *end, int after);
int trace_rename_to(const char *end, int after);
size_t trace_count_fsync(void);

/* Fails unless every file was synced before it got its name, and every directory after it got a new
 * entry, or lost what was thrown away: what a power cut cannot take back. Upload sessions are not
 * looked at. */
void trace_assert_durable(void);

#endif
