/* SPDX-License-Identifier: Apache-2.0
 * L1: the cells of tables. */
#include "cli/table_cell.h"

bool table_cell_is_end(const struct table_column *column)
{
    return !column->key && !column->heading;
}

const void *table_cell(const struct table_column *column, const void *row)
{
    return (const char *)row + column->offset;
}

const char *table_cell_text(const struct table_column *column, const void *row)
{
    return *(const char *const *)table_cell(column, row);
}

int64_t table_cell_number(const struct table_column *column, const void *row)
{
    return *(const int64_t *)table_cell(column, row);
}
