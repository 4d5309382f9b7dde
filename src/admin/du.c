/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth du`. */
#include "admin/command.h"
#include "admin/open.h"
#include "cli/bar.h"
#include "cli/table.h"
#include "cli/table_json.h"
#include "oci/glob.h"
#include "registry/view.h"

#include <limits.h>
#include <string.h>

struct du_line {
    struct options_common common;
    bool quiet;
};

static const struct options_row rows[] = {
    OPTIONS_QUIET(struct du_line),
    OPTIONS_END,
};

static bool is_wanted(const struct usage_repository *repository, char **args)
{
    bool any = !args[0];

    for (; !any && *args; args++)
        any = glob_matches(*args, repository->name);
    return any;
}

static int check_known(const struct view_usage *usage, char **args, struct err *err)
{
    for (; *args; args++) {
        bool found = false;
        for (size_t i = 0; i < usage->n && !found; i++)
            found = glob_matches(*args, usage->v[i].name);
        if (!found)
            return err_set(err, ERR_NAME_UNKNOWN, "%s", *args);
    }
    return 0;
}

/* What is no glob must be a name. */
static int check_names(char **args, struct err *err)
{
    struct name name;

    for (; *args; args++)
        if (!strpbrk(*args, "*?") && name_parse(&name, *args, strlen(*args), err) < 0)
            return -1;
    return 0;
}

static const struct table_column columns[] = {
    TABLE_COLUMN(struct usage_repository, name, TABLE_TEXT, "name", NULL),
    TABLE_COLUMN(struct usage_repository, manifests, TABLE_NUMBER, "manifests", NULL),
    TABLE_COLUMN(struct usage_repository, own, TABLE_SUM, "own", "OWN"),
    TABLE_COLUMN(struct usage_repository, shared, TABLE_SUM, "shared", "SHARED"),
    TABLE_COLUMN(struct usage_repository, total, TABLE_SUM, "total", "TOTAL"),
    TABLE_COLUMN(struct usage_repository, uploads, TABLE_SUM, "uploads", NULL),
    TABLE_COLUMN(struct usage_repository, name, TABLE_TEXT, NULL, "REPOSITORY"),
    TABLE_END,
};

/* Of the whole store: members of one object, and lines for people. */
static const struct table_column store_columns[] = {
    TABLE_COLUMN(struct usage, blobs, TABLE_SUM, "blobs", "all blobs"),
    TABLE_COLUMN(struct usage, referenced, TABLE_SUM, "referenced", "referenced"),
    TABLE_COLUMN(struct usage, unreferenced, TABLE_SUM, "unreferenced",
                 "unreferenced, for berth gc"),
    TABLE_COLUMN(struct usage, uploads, TABLE_SUM, "uploads", "uploads in progress"),
    TABLE_COLUMN(struct usage, quarantine, TABLE_SUM, "quarantine", "quarantine"),
    TABLE_END,
};

struct sum_line {
    int64_t bytes, files;
    const char *what;
};

static const struct table_column sum_columns[] = {
    TABLE_COLUMN(struct sum_line, bytes, TABLE_SIZE, NULL, "SIZE"),
    TABLE_COLUMN(struct sum_line, files, TABLE_NUMBER, NULL, "FILES"),
    TABLE_COLUMN(struct sum_line, what, TABLE_TEXT, NULL, "STORE"),
    TABLE_END,
};

static void print_store(const struct usage *usage, struct output *out)
{
    struct table table;

    if (out->json) {
        table_json_object(store_columns, usage, "store", out->json);
        return;
    }
    buf_addc(&out->text, '\n');
    table_begin(&table, sum_columns, NULL, out);
    for (const struct table_column *column = store_columns; column->key; column++) {
        const struct amount *sum = (const void *)((const char *)usage + column->offset);
        table_row(&table, &(struct sum_line){sum->bytes, sum->n, column->heading});
    }
    table_end(&table);
}

static int print(const struct view_usage *usage, char **args, bool json, struct err *err)
{
    struct table table;
    AUTO_OUTPUT out = OUTPUT_INIT;

    if (check_known(usage, args, err) < 0)
        return -1;
    output_begin(&out, json);
    table_begin(&table, columns, "repositories", &out);
    for (size_t i = 0; i < usage->n; i++)
        if (is_wanted(&usage->v[i], args))
            table_measure(&table, &usage->v[i]);
    for (size_t i = 0; i < usage->n; i++)
        if (is_wanted(&usage->v[i], args))
            table_row(&table, &usage->v[i]);
    table_end(&table);
    if (!args[0])
        print_store(&usage->store, &out);
    return output_end(&out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct du_line *options = said;
    struct opened opened;
    struct bar bar;
    struct view_usage usage;

    if (check_names(args, err) < 0 || open_store(&options->common, false, &opened, err) < 0)
        return -1;
    bar_start(&bar, BAR_ITEMS, options->quiet);
    int result = view_usage(&opened.registry, !args[0], &bar.progress, &usage, err);
    bar_end(&bar);
    if (result == 0) {
        result = print(&usage, args, options->common.json, err);
        view_usage_free(&usage);
    }
    open_close(&opened);
    return result;
}

const struct command du_command = {
    .name = "du",
    .arguments = "[REPOSITORY...]",
    .summary = "show what takes the room",
    .args_min = 0,
    .args_max = INT_MAX,
    .rows = rows,
    .size = sizeof(struct du_line),
    .run = run,
};
