/* SPDX-License-Identifier: Apache-2.0
 * L1: tables for programs. */
#include "cli/table_json.h"

#include "base/rfc3339.h"
#include "cli/table_cell.h"

static void write_list(const struct strings *list, const char *key, struct json_writer *json)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < list->n; i++)
        json_writer_string(json, NULL, list->v[i]);
    json_writer_end(json);
}

static void write_sum(const struct amount *sum, const char *key, struct json_writer *json)
{
    json_writer_object(json, key);
    json_writer_number(json, "count", sum->n);
    json_writer_number(json, "bytes", sum->bytes);
    json_writer_end(json);
}

static void write_time(int64_t when, const char *key, struct json_writer *json)
{
    char text[RFC3339_SIZE];

    if (when < 0) {
        json_writer_null(json, key);
        return;
    }
    rfc3339_format(text, when);
    json_writer_string(json, key, text);
}

static void write_member(const struct table_column *column, const void *row,
                         struct json_writer *json)
{
    const char *key = column->key;

    switch (column->kind) {
    case TABLE_TEXT:
        json_writer_string(json, key, table_cell_text(column, row));
        break;
    case TABLE_NUMBER:
    case TABLE_SIZE:
    case TABLE_AGE:
        json_writer_number(json, key, table_cell_number(column, row));
        break;
    case TABLE_SECONDS:
        json_writer_seconds(json, key, *(const double *)table_cell(column, row));
        break;
    case TABLE_TIME:
        write_time(table_cell_number(column, row), key, json);
        break;
    case TABLE_FLAG:
        json_writer_bool(json, key, *(const bool *)table_cell(column, row));
        break;
    case TABLE_LIST:
        write_list(table_cell(column, row), key, json);
        break;
    case TABLE_SUM:
        write_sum(table_cell(column, row), key, json);
        break;
    }
}

void table_json_members(const struct table_column *columns, const void *row,
                        struct json_writer *json)
{
    for (; !table_cell_is_end(columns); columns++)
        if (columns->key)
            write_member(columns, row, json);
}

void table_json_object(const struct table_column *columns, const void *row, const char *key,
                       struct json_writer *json)
{
    json_writer_object(json, key);
    table_json_members(columns, row, json);
    json_writer_end(json);
}
