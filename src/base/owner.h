/* SPDX-License-Identifier: Apache-2.0
 *
 * Root that acts for the owner of a file or directory: what root itself made there would lock out
 * the one to whom the rest belongs. For everybody else these functions do nothing.
 */
#ifndef BERTH_BASE_OWNER_H
#define BERTH_BASE_OWNER_H

#include "base/err.h"

#include <sys/stat.h>

/* Gives up root for the owner of what st is of, for good, with the groups that this user has and
 * the group of it. what: its path, for the message. */
int owner_become(const struct stat *st, const char *what, struct err *err);

/* Acts as the owner from here on, until the end, but for what stands between these two, which do
 * not nest: there it acts as whoever called it. */
int owner_lend(const struct stat *st, const char *what, struct err *err);
void owner_pause(void);
void owner_resume(void);

#endif
