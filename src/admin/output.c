/* SPDX-License-Identifier: Apache-2.0
 * L5: sizes, tables, safe text. */
#include "admin/output.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *output_size(struct arena *arena, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024)
        return arena_printf(arena, "%d B", (int)bytes);
    while (size >= 1023.95) { /* which would be printed as 1024.0 */
        size /= 1024;
        unit++;
    }
    return arena_printf(arena, "%.1f %s", size, units[unit]);
}

/* Below 500 the public text says what is wrong and the message with what; above, the message says
 * all, and the public text speaks to the client of a server. */
const char *output_error(struct arena *arena, const struct err *err)
{
    if (err_http_status(err->code) >= 500 || err->code == ERR_USAGE)
        return arena_printf(arena, "%s", err->msg);
    return arena_printf(arena, "%s: %s", err_public_text(err->code), err->msg);
}

/* The length of the control character at c: a byte of C0, DEL, or two bytes of C1 in UTF-8, which
 * some terminals obey as well. */
static int control_len(const char *c)
{
    unsigned char first = (unsigned char)c[0], second = (unsigned char)c[1];

    if (first < 0x20 || first == 0x7f)
        return 1;
    return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : 0;
}

static void add_safely(struct buf *out, const char *text)
{
    while (*text) {
        int len = control_len(text);
        if (len == 0)
            buf_addc(out, *text++);
        while (len-- > 0)
            buf_addf(out, "\\x%02x", (unsigned char)*text++);
    }
}

/* How many columns of a terminal the text takes, near enough: its characters in UTF-8. */
static size_t width(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void table_add(struct table *table, ...)
{
    va_list cells;
    size_t column = 0;

    table->rows = mem_grow(table->rows, table->n + 1, sizeof *table->rows);
    const char **row = table->rows[table->n++];
    va_start(cells, table);
    while (column < TABLE_COLUMNS_MAX && (row[column] = va_arg(cells, const char *)) != NULL)
        column++;
    va_end(cells);
    if (column < TABLE_COLUMNS_MAX)
        row[column] = NULL;
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (size_t i = 0; i < table->n; i++) {
        for (size_t column = 0; column < TABLE_COLUMNS_MAX && table->rows[i][column]; column++) {
            AUTO_BUF cell = BUF_INIT;
            add_safely(&cell, table->rows[i][column]);
            size_t needed = width(cell.s, cell.len);
            if (needed > widths[column])
                widths[column] = needed;
        }
    }
}

static void print_row(const char *const *row, const size_t *widths, int indent)
{
    AUTO_BUF line = BUF_INIT;
    size_t gap = (size_t)indent;

    for (size_t column = 0; column < TABLE_COLUMNS_MAX && row[column]; column++) {
        /* Padding is written before the next cell that is not empty: no line ends in spaces. */
        size_t start = line.len;
        if (*row[column]) {
            buf_addf(&line, "%*s", (int)gap, "");
            gap = 0;
            start = line.len;
            add_safely(&line, row[column]);
        }
        gap += widths[column] - width(line.s + start, line.len - start) + 2;
    }
    output_line(&line);
}

void table_print(const struct table *table, int indent)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};

    measure(table, widths);
    for (size_t i = 0; i < table->n; i++)
        print_row(table->rows[i], widths, indent);
}

void table_free(struct table *table)
{
    free(table->rows);
    *table = (struct table){0};
}

void output_line(const struct buf *text)
{
    if (text->len)
        fwrite(text->s, 1, text->len, stdout);
    putchar('\n');
}
