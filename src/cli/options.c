/* SPDX-License-Identifier: Apache-2.0
 * L1: options of the subcommands. */
#include "cli/options.h"

#include "base/decimal.h"
#include "base/duration.h"

#include <getopt.h>
#include <string.h>

#define ROWS_MAX 32

static const struct options_row common[] = {
    OPTIONS_ROW(struct options_common, root, 0, "root", "DIR",
                "data directory (default: the configuration's)"),
    OPTIONS_ROW(struct options_common, config, 'c', "config", "FILE",
                "configuration (default: $BERTH_CONF, or /etc/berth/berth.conf)"),
    OPTIONS_ROW(struct options_common, json, 'j', "json", NULL, "print JSON"),
    OPTIONS_ROW(struct options_common, help, 'h', "help", NULL, "show this"),
    OPTIONS_END,
};

/* The nth option, its own first; NULL: there are fewer. */
static const struct options_row *row_at(const struct options_row *rows, size_t n)
{
    for (; rows && rows->name; rows++)
        if (n-- == 0)
            return rows;
    return n < sizeof common / sizeof *common - 1 ? &common[n] : NULL;
}

/* "-g, --grace AGE" */
static int add_usage(const struct options_row *row, char *out, size_t size)
{
    return snprintf(out, size, "%c%c%c --%s %s", row->letter ? '-' : ' ',
                    row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name,
                    row->value ? row->value : "");
}

void options_print(const struct options_row *rows, FILE *out)
{
    const struct options_row *row;
    char usage[80];
    int width = 24;

    for (size_t i = 0; (row = row_at(rows, i)); i++) {
        int len = add_usage(row, usage, sizeof usage);
        width = len > width ? len : width;
    }
    for (size_t i = 0; (row = row_at(rows, i)); i++) {
        add_usage(row, usage, sizeof usage);
        fprintf(out, "  %-*s  %s\n", width, usage, row->text);
    }
}

/* One of "gzip|zstd". */
static int take_choice(const struct options_row *row, const char *text, const char **choice)
{
    size_t len = strlen(text);

    for (const char *word = row->value; *word; word += strspn(word, "|")) {
        size_t word_len = strcspn(word, "|");
        if (word_len == len && !strncmp(word, text, len)) {
            *choice = text;
            return 0;
        }
        word += word_len;
    }
    fprintf(stderr, "berth: --%s \"%s\": must be one of %s\n", row->name, text, row->value);
    return OPTIONS_INVALID;
}

static int take_number(const struct options_row *row, const char *text, int *number)
{
    int64_t n;

    if (!decimal_parse(text, strlen(text), &n) || n < row->min || n > row->max) {
        fprintf(stderr, "berth: --%s takes a number from %d to %d\n", row->name, row->min,
                row->max);
        return OPTIONS_INVALID;
    }
    *number = (int)n;
    return 0;
}

static int take_duration(const struct options_row *row, const char *text, int64_t *seconds)
{
    if (!duration_parse(text, seconds) || *seconds < row->min) {
        fprintf(stderr, "berth: --%s \"%s\": must be a number with s, m, h, d or w behind it, %s\n",
                row->name, text, row->min ? "and not 0, like 90d" : "like 12h, 90d");
        return OPTIONS_INVALID;
    }
    return 0;
}

static int take_another(const struct options_row *row, const char *text, struct options_list *list)
{
    if (list->n == OPTIONS_LIST_MAX) {
        fprintf(stderr, "berth: --%s can be given %d times\n", row->name, OPTIONS_LIST_MAX);
        return OPTIONS_INVALID;
    }
    list->v[list->n++] = text;
    return 0;
}

static int take(const struct options_row *row, const char *text, void *member)
{
    switch (row->kind) {
    case OPTIONS_FLAG:
        *(bool *)member = true;
        return 0;
    case OPTIONS_TEXT:
        if (row->min)
            return take_choice(row, text, member);
        *(const char **)member = text;
        return 0;
    case OPTIONS_BETWEEN:
        return take_number(row, text, member);
    case OPTIONS_DURATION:
        return take_duration(row, text, member);
    case OPTIONS_LIST:
        return take_another(row, text, member);
    }
    return OPTIONS_UNKNOWN;
}

/* The table as getopt_long(3) wants it. A row's value is its place, from 1, so that it is none of a
 * letter's. */
struct table {
    struct option longs[ROWS_MAX + 1];
    char shorts[2 * ROWS_MAX + 1];
};

#define LONG_BASE 256

static void make_table(const struct options_row *rows, struct table *table)
{
    const struct options_row *row;
    char *end = table->shorts;

    for (size_t i = 0; i < ROWS_MAX && (row = row_at(rows, i)); i++) {
        int argument = row->kind == OPTIONS_FLAG ? no_argument : required_argument;
        table->longs[i] = (struct option){row->name, argument, NULL, LONG_BASE + (int)i};
        if (row->letter)
            *end++ = row->letter;
        if (row->letter && argument)
            *end++ = ':';
    }
}

/* That getopt_long(3) found. */
static const struct options_row *find(const struct options_row *rows, int found)
{
    const struct options_row *row;

    if (found >= LONG_BASE)
        return row_at(rows, (size_t)(found - LONG_BASE));
    for (size_t i = 0; (row = row_at(rows, i)); i++)
        if (row->letter && row->letter == found)
            return row;
    return NULL;
}

static void set_unsaid(const struct options_row *rows, struct options_common *options)
{
    for (; rows && rows->name; rows++)
        if (rows->kind == OPTIONS_DURATION)
            *(int64_t *)(void *)((char *)options + rows->offset) = -1;
}

int options_parse(const struct options_row *rows, int argc, char **argv,
                  struct options_common *options)
{
    struct table table = {0};
    int found;

    make_table(rows, &table);
    set_unsaid(rows, options);
    while ((found = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
        const struct options_row *row = find(rows, found);
        if (!row)
            return OPTIONS_UNKNOWN;
        int failed = take(row, optarg, (char *)options + row->offset);
        if (failed)
            return failed;
    }
    return options->help ? OPTIONS_HELP : 0;
}
