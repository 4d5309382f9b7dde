/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the subcommands: one row for each, which says its name, what it takes, where it
 * goes in struct admin_options, and what help says of it.
 */
#ifndef BERTH_ADMIN_OPTIONS_H
#define BERTH_ADMIN_OPTIONS_H

#include "admin/admin.h"

#include <stdio.h>

/* Parses a command line whose subcommand takes the options with these ids, and those that all take.
 * optind is then the first argument's. 0, or why not; of OPTIONS_INVALID the user was told. */
enum options_result { OPTIONS_HELP = 1, OPTIONS_UNKNOWN, OPTIONS_INVALID };
int options_parse(const char *ids, int argc, char **argv, struct admin_options *options);

/* Prints what help says of them. */
void options_print(const char *ids, FILE *out);

#endif
