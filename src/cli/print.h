/* SPDX-License-Identifier: Apache-2.0
 *
 * Output of subcommands.
 */
#ifndef BERTH_CLI_PRINT_H
#define BERTH_CLI_PRINT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

/* Writes text to standard output; ERR_IO if that fails, as when a pipe or disk is full. */
int print_out(const struct buf *text, struct err *err);

/* Of a column with this title over these. */
int print_width(const struct strings *column, const char *title);

#endif
