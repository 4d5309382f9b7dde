/* SPDX-License-Identifier: Apache-2.0
 *
 * Root that reads and touches a store as its owner, and writes files of its own elsewhere, where
 * the owner may not. For everyone else these functions do nothing.
 */
#ifndef BERTH_ADMIN_CALLER_H
#define BERTH_ADMIN_CALLER_H

#include "api/config.h"
#include "base/err.h"

/* From here on the process acts as the owner of the store, until the end. admin_open afterwards. */
int caller_lend(const struct config *conf, struct err *err);

/* Between these two it acts as whoever called it. They do not nest. */
void caller_begin(void);
void caller_end(void);

#endif
