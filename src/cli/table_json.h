/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of tables as JSON, where they stand elsewhere than in a table's list.
 */
#ifndef BERTH_CLI_TABLE_JSON_H
#define BERTH_CLI_TABLE_JSON_H

#include "cli/table.h"

/* The members that a row has, within an object that is open. */
void table_json_members(const struct table_column *columns, const void *row,
                        struct json_writer *json);
/* An object that has them. */
void table_json_object(const struct table_column *columns, const void *row, const char *key,
                       struct json_writer *json);

#endif
