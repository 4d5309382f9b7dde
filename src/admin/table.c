/* SPDX-License-Identifier: Apache-2.0
 * L6: tables for people and for programs. */
#include "admin/table.h"

#include "base/amount.h"
#include "base/rfc3339.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static bool is_end(const struct table_column *column)
{
    return !column->key && !column->heading;
}

static const void *at(const struct table_column *column, const void *row)
{
    return (const char *)row + column->offset;
}

static const char *text_at(const struct table_column *column, const void *row)
{
    return *(const char *const *)at(column, row);
}

static int64_t number_at(const struct table_column *column, const void *row)
{
    return *(const int64_t *)at(column, row);
}

/* --- for programs --- */

static void write_list(const struct strings *list, const char *key, struct json_writer *json)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < list->n; i++)
        json_writer_string(json, NULL, list->v[i]);
    json_writer_end(json);
}

static void write_sum(const struct usage_sum *sum, const char *key, struct json_writer *json)
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
        json_writer_string(json, key, text_at(column, row));
        break;
    case TABLE_NUMBER:
    case TABLE_SIZE:
    case TABLE_AGE:
        json_writer_number(json, key, number_at(column, row));
        break;
    case TABLE_SECONDS:
        json_writer_seconds(json, key, *(const double *)at(column, row));
        break;
    case TABLE_TIME:
        write_time(number_at(column, row), key, json);
        break;
    case TABLE_FLAG:
        json_writer_bool(json, key, *(const bool *)at(column, row));
        break;
    case TABLE_LIST:
        write_list(at(column, row), key, json);
        break;
    case TABLE_SUM:
        write_sum(at(column, row), key, json);
        break;
    }
}

void table_members(const struct table_column *columns, const void *row, struct json_writer *json)
{
    for (; !is_end(columns); columns++)
        if (columns->key)
            write_member(columns, row, json);
}

void table_object(const struct table_column *columns, const void *row, const char *key,
                  struct json_writer *json)
{
    json_writer_object(json, key);
    table_members(columns, row, json);
    json_writer_end(json);
}

/* --- for people --- */

static void add_list(const struct strings *list, struct buf *cell)
{
    for (size_t i = 0; i < list->n; i++) {
        buf_addstr(cell, i ? ", " : "");
        text_add_escaped(cell, list->v[i]);
    }
}

static void add_cell(const struct table_column *column, const void *row, struct buf *cell)
{
    char text[AMOUNT_TEXT] = "-";
    int64_t n;

    switch (column->kind) {
    case TABLE_TEXT:
        text_add_escaped(cell, text_at(column, row) ? text_at(column, row) : "-");
        return;
    case TABLE_LIST:
        add_list(at(column, row), cell);
        return;
    case TABLE_NUMBER:
        snprintf(text, sizeof text, "%jd", (intmax_t)number_at(column, row));
        break;
    case TABLE_SIZE:
        amount_size(text, number_at(column, row));
        break;
    case TABLE_AGE:
        amount_age(text, number_at(column, row));
        break;
    case TABLE_SECONDS:
        snprintf(text, sizeof text, "%.1f s", *(const double *)at(column, row));
        break;
    case TABLE_TIME:
        n = number_at(column, row);
        if (n >= 0)
            rfc3339_format(text, n);
        break;
    case TABLE_FLAG:
        snprintf(text, sizeof text, *(const bool *)at(column, row) ? "yes" : "no");
        break;
    case TABLE_SUM:
        amount_size(text, ((const struct usage_sum *)at(column, row))->bytes);
        break;
    }
    buf_addstr(cell, text);
}

static bool is_right(const struct table_column *column)
{
    return column->kind == TABLE_NUMBER || column->kind == TABLE_SIZE ||
           column->kind == TABLE_SUM || column->kind == TABLE_SECONDS;
}

/* In characters of UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void add_blanks(struct buf *out, size_t n)
{
    while (n--)
        buf_addc(out, ' ');
}

#define COLUMNS_MAX 16

/* Those that people see, and how wide each is. */
struct shown {
    const struct table_column *v[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    size_t n;
};

static struct shown choose_shown(const struct table *table)
{
    struct shown shown = {.n = 0};

    for (const struct table_column *c = table->columns; !is_end(c) && shown.n < COLUMNS_MAX; c++)
        if (c->heading)
            shown.v[shown.n++] = c;
    for (size_t i = 0; i < table->cells.n; i++) {
        size_t width = width_of(table->cells.v[i]);
        if (width > shown.width[i % shown.n])
            shown.width[i % shown.n] = width;
    }
    return shown;
}

static bool is_headed(const struct shown *shown)
{
    for (size_t i = 0; i < shown->n; i++)
        if (*shown->v[i]->heading)
            return true;
    return false;
}

/* Numbers to the right, all else to the left; no blanks at the end. */
static void add_line(const struct shown *shown, char *const *cells, struct buf *out)
{
    size_t owed = 0; /* blanks that come only if something comes behind them */

    for (size_t i = 0; i < shown->n; i++) {
        size_t blanks = shown->width[i] - width_of(cells[i]);
        bool right = is_right(shown->v[i]);
        if (*cells[i])
            add_blanks(out, owed + (right ? blanks : 0));
        buf_addstr(out, cells[i]);
        owed = (*cells[i] ? 0 : owed) + (right && *cells[i] ? 0 : blanks) + 2;
    }
    buf_addc(out, '\n');
}

void table_begin(struct table *table, const struct table_column *columns, const char *key,
                 struct output *out)
{
    *table = (struct table){.columns = columns, .out = out};
    if (out->json) {
        json_writer_array(out->json, key);
        return;
    }
    for (; !is_end(columns); columns++)
        if (columns->heading)
            strings_add(&table->cells, columns->heading);
}

void table_row(struct table *table, const void *row)
{
    if (table->out->json) {
        table_object(table->columns, row, NULL, table->out->json);
        return;
    }
    for (const struct table_column *column = table->columns; !is_end(column); column++) {
        AUTO_BUF cell = BUF_INIT;
        if (!column->heading)
            continue;
        buf_addstr(&cell, "");
        add_cell(column, row, &cell);
        strings_add(&table->cells, cell.s);
    }
}

void table_end(struct table *table)
{
    if (table->out->json) {
        json_writer_end(table->out->json);
        return;
    }
    struct shown shown = choose_shown(table);
    for (size_t i = is_headed(&shown) ? 0 : shown.n; i < table->cells.n; i += shown.n)
        add_line(&shown, table->cells.v + i, &table->out->text);
    strings_free(&table->cells);
}

void table_print(const struct table_column *columns, const char *key, const void *rows, size_t n,
                 size_t size, struct output *out)
{
    struct table table;

    table_begin(&table, columns, key, out);
    for (size_t i = 0; i < n; i++)
        table_row(&table, (const char *)rows + i * size);
    table_end(&table);
}

static void add_sheet_line(const struct table_column *column, size_t width, const char *value,
                           struct buf *out)
{
    buf_addstr(out, column->heading);
    add_blanks(out, width - width_of(column->heading) + 2);
    buf_addf(out, "%s\n", value);
}

void table_sheet(const struct table_column *columns, const void *row, struct output *out)
{
    size_t width = 0;

    if (out->json) {
        table_members(columns, row, out->json);
        return;
    }
    for (const struct table_column *column = columns; !is_end(column); column++)
        if (column->heading && width_of(column->heading) > width)
            width = width_of(column->heading);
    for (const struct table_column *column = columns; !is_end(column); column++) {
        AUTO_BUF value = BUF_INIT;
        if (!column->heading || (column->kind == TABLE_TEXT && !text_at(column, row)))
            continue;
        const struct strings *list = column->kind == TABLE_LIST ? at(column, row) : NULL;
        if (!list) {
            add_cell(column, row, &value);
            add_sheet_line(column, width, value.s, &out->text);
        }
        for (size_t i = 0; list && i < list->n; i++) {
            buf_clear(&value);
            text_add_escaped(&value, list->v[i]);
            add_sheet_line(column, width, value.s, &out->text);
        }
    }
}
