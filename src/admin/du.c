/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth du`. */

#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "admin/progress.h"
#include "base/amount.h"
#include "oci/glob.h"
#include "store/usage.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct du_line {
    struct options_common common;
    bool quiet;
};

static const struct options_row rows[] = {
    OPTIONS_QUIET(struct du_line),
    OPTIONS_END,
};

/* What frees the most when it is removed comes first. */
static int compare(const void *a, const void *b)
{
    const struct usage_repository *left = a, *right = b;

    if (left->own.bytes != right->own.bytes)
        return left->own.bytes < right->own.bytes ? 1 : -1;
    if (left->shared.bytes != right->shared.bytes)
        return left->shared.bytes < right->shared.bytes ? 1 : -1;
    return strcmp(left->name, right->name);
}

static bool is_wanted(const struct usage_repository *repository, char **args)
{
    bool any = !args[0];

    for (; !any && *args; args++)
        any = glob_matches(*args, repository->name);
    return any;
}

static int check_known(const struct usage *usage, char **args, struct err *err)
{
    for (; *args; args++) {
        bool found = false;
        for (size_t i = 0; i < usage->n && !found; i++)
            found = glob_matches(*args, usage->repositories[i].name);
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

static void print_sizes(int64_t own, int64_t shared, const char *name, struct buf *out)
{
    const int64_t sizes[] = {own, shared, own + shared};
    char text[AMOUNT_TEXT];

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        amount_size(text, sizes[i]);
        buf_addf(out, "%10s  ", text);
    }
    buf_addf(out, "%s\n", name);
}

static void print_sum(const char *what, const struct usage_sum *sum, struct buf *out)
{
    char text[AMOUNT_TEXT];

    amount_size(text, sum->bytes);
    buf_addf(out, "%10s  %10jd  %s\n", text, (intmax_t)sum->n, what);
}

static void print_text(const struct usage *usage, char **args, struct buf *out)
{
    buf_addf(out, "%10s  %10s  %10s  REPOSITORY\n", "OWN", "SHARED", "TOTAL");
    for (size_t i = 0; i < usage->n; i++)
        if (is_wanted(&usage->repositories[i], args))
            print_sizes(usage->repositories[i].own.bytes, usage->repositories[i].shared.bytes,
                        usage->repositories[i].name, out);
    if (args[0])
        return;
    buf_addf(out, "\n%10s  %10s  STORE\n", "SIZE", "FILES");
    print_sum("all blobs", &usage->blobs, out);
    print_sum("referenced", &usage->referenced, out);
    print_sum("unreferenced, for berth gc", &usage->unreferenced, out);
    print_sum("uploads in progress", &usage->uploads, out);
    print_sum("quarantine", &usage->quarantine, out);
}

static void print_json_sum(const char *key, const struct usage_sum *sum, struct buf *out)
{
    buf_addf(out, "\"%s\":{\"count\":%jd,\"bytes\":%jd}", key, (intmax_t)sum->n,
             (intmax_t)sum->bytes);
}

static void print_json_repository(const struct usage_repository *repository, struct buf *out)
{
    const struct usage_sum total = {repository->own.n + repository->shared.n,
                                    repository->own.bytes + repository->shared.bytes};

    buf_addf(out, "{\"name\":\"%s\",\"manifests\":%jd,", repository->name,
             (intmax_t)repository->manifests);
    print_json_sum("own", &repository->own, out);
    buf_addc(out, ',');
    print_json_sum("shared", &repository->shared, out);
    buf_addc(out, ',');
    print_json_sum("total", &total, out);
    buf_addc(out, ',');
    print_json_sum("uploads", &repository->uploads, out);
    buf_addc(out, '}');
}

static void print_json(const struct usage *usage, char **args, struct buf *out)
{
    const char *separator = "";

    buf_addstr(out, "{\"repositories\":[");
    for (size_t i = 0; i < usage->n; i++) {
        if (!is_wanted(&usage->repositories[i], args))
            continue;
        buf_addstr(out, separator);
        print_json_repository(&usage->repositories[i], out);
        separator = ",";
    }
    buf_addc(out, ']');
    if (!args[0]) {
        const struct usage_sum *sums[] = {&usage->blobs, &usage->referenced, &usage->unreferenced,
                                          &usage->uploads, &usage->quarantine};
        static const char *const keys[] = {"blobs", "referenced", "unreferenced", "uploads",
                                           "quarantine"};
        buf_addstr(out, ",\"store\":{");
        for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
            buf_addstr(out, i ? "," : "");
            print_json_sum(keys[i], sums[i], out);
        }
        buf_addc(out, '}');
    }
    buf_addstr(out, "}\n");
}

static int run(const void *said, char **args, struct err *err)
{
    const struct du_line *options = said;
    struct opened admin;
    struct bar bar;
    struct usage usage;
    AUTO_BUF out = BUF_INIT;

    if (check_names(args, err) < 0 || open_store(&options->common, false, &admin, err) < 0)
        return -1;
    bar_start(&bar, BAR_ITEMS, options->quiet);
    int result = usage_measure(&admin.store, !args[0], &bar.progress, &usage, err);
    bar_end(&bar);
    if (result == 0) {
        result = check_known(&usage, args, err);
        if (result == 0) {
            if (usage.n)
                qsort(usage.repositories, usage.n, sizeof *usage.repositories, compare);
            (options->common.json ? print_json : print_text)(&usage, args, &out);
            result = print_out(&out, err);
        }
        usage_free(&usage);
    }
    open_close(&admin);
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
