/* SPDX-License-Identifier: Apache-2.0
 *
 * Between table.c and table_json.c: where a row has what a column shows.
 */
#ifndef BERTH_CLI_TABLE_CELL_H
#define BERTH_CLI_TABLE_CELL_H

#include "cli/table.h"

bool table_cell_is_end(const struct table_column *column);
const void *table_cell(const struct table_column *column, const void *row);
const char *table_cell_text(const struct table_column *column, const void *row);
int64_t table_cell_number(const struct table_column *column, const void *row);

#endif
