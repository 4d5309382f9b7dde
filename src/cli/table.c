/* SPDX-License-Identifier: Apache-2.0
 * L1: tables for people; for programs in table_json.c. */
#include "cli/table_cell.h"
#include "cli/table_json.h"

#include "base/amount.h"
#include "base/rfc3339.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

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
        text_add_escaped(cell, table_cell_text(column, row) ? table_cell_text(column, row) : "-");
        return;
    case TABLE_LIST:
        add_list(table_cell(column, row), cell);
        return;
    case TABLE_NUMBER:
        snprintf(text, sizeof text, "%jd", (intmax_t)table_cell_number(column, row));
        break;
    case TABLE_SIZE:
        amount_size(text, table_cell_number(column, row));
        break;
    case TABLE_AGE:
        amount_age(text, table_cell_number(column, row));
        break;
    case TABLE_SECONDS:
        snprintf(text, sizeof text, "%.1f s", *(const double *)table_cell(column, row));
        break;
    case TABLE_TIME:
        n = table_cell_number(column, row);
        if (n >= 0)
            rfc3339_format(text, n);
        break;
    case TABLE_FLAG:
        snprintf(text, sizeof text, *(const bool *)table_cell(column, row) ? "yes" : "no");
        break;
    case TABLE_SUM:
        amount_size(text, ((const struct amount *)table_cell(column, row))->bytes);
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

static bool is_headed(const struct table_shown *shown)
{
    for (size_t i = 0; i < shown->n; i++)
        if (*shown->v[i]->heading)
            return true;
    return false;
}

/* Numbers to the right, all else to the left; no blanks at the end. */
static void add_line(const struct table_shown *shown, char *const *cells, struct buf *out)
{
    size_t owed = 0; /* blanks that come only if something comes behind them */

    for (size_t i = 0; i < shown->n; i++) {
        size_t width = width_of(cells[i]);
        size_t blanks = shown->width[i] > width ? shown->width[i] - width : 0;
        bool right = is_right(shown->v[i]);
        if (*cells[i])
            add_blanks(out, owed + (right ? blanks : 0));
        buf_addstr(out, cells[i]);
        owed = (*cells[i] ? 0 : owed) + (right && *cells[i] ? 0 : blanks) + 2;
    }
    buf_addc(out, '\n');
}

static void widen(struct table_shown *shown, size_t column, const char *cell)
{
    size_t width = width_of(cell);

    if (width > shown->width[column])
        shown->width[column] = width;
}

static void add_cells(const struct table *table, const void *row, struct strings *cells)
{
    for (size_t i = 0; i < table->shown.n; i++) {
        AUTO_BUF cell = BUF_INIT;
        buf_addstr(&cell, "");
        add_cell(table->shown.v[i], row, &cell);
        strings_add(cells, cell.s);
    }
}

static void print_headings(struct table *table)
{
    const char *headings[TABLE_SHOWN_MAX];

    for (size_t i = 0; i < table->shown.n; i++)
        headings[i] = table->shown.v[i]->heading;
    if (is_headed(&table->shown))
        add_line(&table->shown, (char *const *)headings, &table->out->text);
}

void table_begin(struct table *table, const struct table_column *columns, const char *key,
                 struct output *out)
{
    *table = (struct table){.columns = columns, .out = out};
    if (out->json) {
        json_writer_array(out->json, key);
        return;
    }
    for (; !table_cell_is_end(columns) && table->shown.n < TABLE_SHOWN_MAX; columns++) {
        if (!columns->heading)
            continue;
        table->shown.v[table->shown.n] = columns;
        widen(&table->shown, table->shown.n++, columns->heading);
    }
}

void table_measure(struct table *table, const void *row)
{
    AUTO_STRINGS cells = {0};

    if (table->out->json)
        return;
    add_cells(table, row, &cells);
    for (size_t i = 0; i < cells.n; i++)
        widen(&table->shown, i, cells.v[i]);
    table->is_measured = true;
}

/* Of a table that was measured. */
static void print_row(struct table *table, const void *row)
{
    AUTO_STRINGS cells = {0};

    if (!table->is_begun)
        print_headings(table);
    table->is_begun = true;
    add_cells(table, row, &cells);
    add_line(&table->shown, cells.v, &table->out->text);
    output_relieve(table->out);
}

void table_row(struct table *table, const void *row)
{
    if (table->out->json) {
        table_json_object(table->columns, row, NULL, table->out->json);
        output_relieve(table->out);
    } else if (table->is_measured) {
        print_row(table, row);
    } else {
        add_cells(table, row, &table->cells);
    }
}

void table_end(struct table *table)
{
    struct table_shown *shown = &table->shown;

    if (table->out->json) {
        json_writer_end(table->out->json);
        return;
    }
    for (size_t i = 0; i < table->cells.n; i++)
        widen(shown, i % shown->n, table->cells.v[i]);
    if (!table->is_begun)
        print_headings(table);
    for (size_t i = 0; i < table->cells.n; i += shown->n)
        add_line(shown, table->cells.v + i, &table->out->text);
    strings_free(&table->cells);
}

void table_print(const struct table_column *columns, const char *key, const void *rows, size_t n,
                 size_t size, struct output *out)
{
    struct table table;

    table_begin(&table, columns, key, out);
    for (size_t i = 0; i < n; i++)
        table_measure(&table, (const char *)rows + i * size);
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
        table_json_members(columns, row, out->json);
        return;
    }
    for (const struct table_column *column = columns; !table_cell_is_end(column); column++)
        if (column->heading && width_of(column->heading) > width)
            width = width_of(column->heading);
    for (const struct table_column *column = columns; !table_cell_is_end(column); column++) {
        AUTO_BUF value = BUF_INIT;
        if (!column->heading || (column->kind == TABLE_TEXT && !table_cell_text(column, row)))
            continue;
        const struct strings *list = column->kind == TABLE_LIST ? table_cell(column, row) : NULL;
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
