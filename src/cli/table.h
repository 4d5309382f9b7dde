/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables. A subcommand says once which columns there are, and where in the struct of a row each is:
 * people get them aligned under headings, programs as a list of objects.
 *
 *     static const struct table_column columns[] = {
 *         TABLE_COLUMN(struct view_tag, tag, TABLE_TEXT, "tag", "TAG"),
 *         TABLE_COLUMN(struct view_tag, digest, TABLE_TEXT, "digest", "DIGEST"),
 *         TABLE_END,
 *     };
 *
 *     table_begin(&table, columns, "tags", out);
 *     for (...)
 *         table_row(&table, &tags[i]);
 *     table_end(&table);
 *
 * The rows of a table for people are kept until its end, as only then it is known how wide the
 * columns are. Long lists are gone through twice instead: table_measure takes each row first.
 */
#ifndef BERTH_CLI_TABLE_H
#define BERTH_CLI_TABLE_H

#include "base/amount.h"
#include "base/strings.h"
#include "cli/output.h"

#include <stddef.h>

enum table_kind {
    TABLE_TEXT,    /* const char *; NULL is null, or "-" */
    TABLE_NUMBER,  /* int64_t */
    TABLE_SIZE,    /* int64_t, bytes */
    TABLE_AGE,     /* int64_t, seconds */
    TABLE_SECONDS, /* double, which tells milliseconds */
    TABLE_TIME,    /* int64_t, seconds since 1970; less than 0 is null, or "-" */
    TABLE_FLAG,    /* bool */
    TABLE_LIST,    /* struct strings */
    TABLE_SUM,     /* struct amount: people see the bytes */
};

struct table_column {
    const char *key;     /* of JSON; NULL: it is for people alone */
    const char *heading; /* NULL: it is for programs alone */
    enum table_kind kind;
    size_t offset; /* in a row's struct */
};

#define TABLE_COLUMN(type, member, kind, key, heading)                                             \
    {                                                                                              \
        key, heading, kind, offsetof(type, member)                                                 \
    }
/* A column whose kind and key are NULL, TABLE_TEXT and NULL ends them. */
#define TABLE_END                                                                                  \
    {                                                                                              \
        NULL, NULL, TABLE_TEXT, 0                                                                  \
    }

#define TABLE_SHOWN_MAX 16

/* The columns that people see, and how wide each is. */
struct table_shown {
    const struct table_column *v[TABLE_SHOWN_MAX];
    size_t width[TABLE_SHOWN_MAX];
    size_t n;
};

struct table {
    const struct table_column *columns;
    struct output *out;
    struct table_shown shown;
    bool is_measured;     /* rows need not be kept */
    bool is_begun;        /* the headings are printed */
    struct strings cells; /* of text, row by row; those of a table that was not measured */
};

/* key: of the list in JSON. A table whose headings are all "" has no line of headings. */
void table_begin(struct table *table, const struct table_column *columns, const char *key,
                 struct output *out);
/* All rows, or none: before the first table_row, which then prints. What it takes for the widest is
 * not cut if it has become wider. */
void table_measure(struct table *table, const void *row);
void table_row(struct table *table, const void *row);
void table_end(struct table *table);

/* All of it: n rows of size bytes each. */
void table_print(const struct table_column *columns, const char *key, const void *rows, size_t n,
                 size_t size, struct output *out);

/* One row alone: "heading  value", a line for each column, a list's heading once for each of its
 * entries and nothing for what is NULL; JSON has the members. */
void table_sheet(const struct table_column *columns, const void *row, struct output *out);

#endif
