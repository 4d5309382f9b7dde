/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of fsck in the tests of fsck*.c.
 */
#ifndef BERTH_UNIT_FSCK_FSCK_RUNS_H
#define BERTH_UNIT_FSCK_FSCK_RUNS_H

#include "unit/unit.h"

#include "fsck/fsck.h"

/* Runs it, and says what it found: the codes in byte order, a space behind each. Valid until the
 * next call. */
const char *fsck_found(const struct store *store, const struct fsck_options *options,
                       struct fsck_summary *summary);
/* The same, with or without repair, on a store that another process could be using. */
const char *fsck_check(const struct store *store);
const char *fsck_repair(const struct store *store);
/* The call that may fail; summary (NULL: none) is what it had found by then. */
int fsck_run(const struct store *store, const struct fsck_options *options,
             struct fsck_summary *summary, struct err *err);

#endif
