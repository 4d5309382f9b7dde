/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the subcommands. Each has a struct of its own, which begins with struct
 * options_common, and a table: one row for each option says its name, what it takes, where that
 * goes, and what help says of it. Help is printed from the table, and completion reads help.
 *
 *     struct gc_line {
 *         struct options_common common;
 *         bool dry_run;
 *         int64_t grace;
 *     };
 *     static const struct options_row rows[] = {
 *         OPTIONS_ROW(struct gc_line, dry_run, 'n', "dry-run", NULL, "say what would go"),
 *         OPTIONS_ROW(struct gc_line, grace, 'g', "grace", "AGE", "leave what is younger"),
 *         OPTIONS_END,
 *     };
 *
 * What an option takes follows from the type of its member:
 *
 *     bool                 nothing
 *     const char *         text, or one of some words (OPTIONS_CHOICE); NULL where it is not said
 *     int                  a number between two bounds (OPTIONS_NUMBER); 0 where it is not said
 *     int64_t              a length of time like 12h, in seconds; -1 where it is not said. With
 *                          OPTIONS_NUMBER and a least one of 1 it may not be 0
 *     struct options_list  text, and it may be said again
 */
#ifndef BERTH_CLI_OPTIONS_H
#define BERTH_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTIONS_LIST_MAX 64
struct options_list {
    const char *v[OPTIONS_LIST_MAX];
    int n;
};

/* What every subcommand takes. */
struct options_common {
    const char *root;   /* NULL: the configuration's */
    const char *config; /* NULL: as for settings_read */
    bool json, help;
};

enum options_kind {
    OPTIONS_FLAG = 1,
    OPTIONS_TEXT,
    OPTIONS_BETWEEN,
    OPTIONS_DURATION,
    OPTIONS_LIST,
};

struct options_row {
    const char *name; /* the long one; NULL ends a table */
    char letter;      /* the short one, 0: there is none */
    /* What help calls that which it takes: words in capitals, or what there is to choose from, as
     * gzip|zstd. NULL: nothing. */
    const char *value;
    const char *text;
    enum options_kind kind;
    size_t offset;
    int min, max; /* of a number; of a length of time the least; min 1: one of value's words */
};

#define OPTIONS_KIND(type, member)                                                                 \
    _Generic(((type *)NULL)->member, bool                                                          \
             : OPTIONS_FLAG, const char *                                                          \
             : OPTIONS_TEXT, int                                                                   \
             : OPTIONS_BETWEEN, int64_t                                                            \
             : OPTIONS_DURATION, struct options_list                                               \
             : OPTIONS_LIST)
#define OPTIONS_NUMBER(type, member, letter, name, value, text, min, max)                          \
    {                                                                                              \
        name, letter, value, text, OPTIONS_KIND(type, member), offsetof(type, member), min, max    \
    }
#define OPTIONS_ROW(type, member, letter, name, value, text)                                       \
    OPTIONS_NUMBER(type, member, letter, name, value, text, 0, 0)
#define OPTIONS_CHOICE(type, member, letter, name, value, text)                                    \
    OPTIONS_NUMBER(type, member, letter, name, value, text, 1, 0)
#define OPTIONS_END                                                                                \
    {                                                                                              \
        0                                                                                          \
    }

/* Rows that several subcommands have. */
#define OPTIONS_DRY_RUN(type)                                                                      \
    OPTIONS_ROW(type, dry_run, 'n', "dry-run", NULL, "say what would go, and remove nothing")
#define OPTIONS_VERBOSE(type)                                                                      \
    OPTIONS_ROW(type, verbose, 'v', "verbose", NULL, "name each thing that is done")
#define OPTIONS_QUIET(type) OPTIONS_ROW(type, quiet, 'q', "quiet", NULL, "show no progress")
#define OPTIONS_GRACE(type)                                                                        \
    OPTIONS_ROW(type, grace, 'g', "grace", "AGE",                                                  \
                "leave alone what is younger, like 30m, 24h, 7d (default: grace of berth.conf)")
#define OPTIONS_JOBS(type)                                                                         \
    OPTIONS_NUMBER(type, jobs, 0, "jobs", "N", "so many at once (default: one a processor)", 1,    \
                   1024)

/* Parses a command line: argv[0] is what messages begin with. rows: the subcommand's own, or NULL.
 * *options: its struct, zeroed. optind is then the first argument's. 0, or why not: of
 * OPTIONS_UNKNOWN and OPTIONS_INVALID the user was told. */
enum options_result { OPTIONS_HELP = 1, OPTIONS_UNKNOWN, OPTIONS_INVALID };
int options_parse(const struct options_row *rows, int argc, char **argv,
                  struct options_common *options);

/* Prints what help says of them, and of those that all take. */
void options_print(const struct options_row *rows, FILE *out);

#endif
