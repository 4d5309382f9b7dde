/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C and its like, for work that takes away what it has begun before it ends.
 */
#ifndef BERTH_CLI_INTERRUPT_H
#define BERTH_CLI_INTERRUPT_H

#include "base/err.h"

/* From here on SIGINT, SIGTERM, SIGHUP and SIGPIPE are only remembered, those that the process does
 * not ignore. */
void interrupt_catch(void);
/* 0, or -1 with ERR_IO once such a signal came. Call it often. */
int interrupt_check(struct err *err);
/* Ends the process by the signal that came, if one did. */
void interrupt_end(void);

#endif
