/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth export`. */
#include "transfer/export.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"

#include "admin/caller.h"
#include "admin/interrupt.h"
#include "admin/progress.h"
#include "base/amount.h"
#include "transfer/have.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

struct export_line {
    struct options_common common;
    const char *output;
    bool all;
    const char *platform, *have;
    bool no_referrers, quiet;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct export_line, output, 'o', "output", "FILE|DIR",
                "where to write; - is standard output"),
    OPTIONS_ROW(struct export_line, all, 0, "all", NULL,
                "all platforms; without a reference the whole store"),
    OPTIONS_ROW(struct export_line, platform, 0, "platform", "OS/ARCH",
                "this platform of an image with several (default: this machine's)"),
    OPTIONS_ROW(struct export_line, have, 0, "have", "FILE",
                "leave out the digests in this file, see berth ls --digests"),
    OPTIONS_ROW(struct export_line, no_referrers, 0, "no-referrers", NULL,
                "without signatures, SBOMs and what else refers to it"),
    OPTIONS_QUIET(struct export_line),
    OPTIONS_END,
};

/* NULL: standard output. */
static const char *path_of(const struct export_line *options)
{
    bool is_stdout = !options->output || !strcmp(options->output, "-") ||
                     !strcmp(options->output, "/dev/stdout");

    return is_stdout ? NULL : options->output;
}

static int check_arguments(const struct export_line *options, char **args, struct err *err)
{
    if (!args[0] && !options->all)
        return err_set(err, ERR_USAGE, "say what to export: REPOSITORY[:TAG] ..., or --all");
    if (options->all && options->platform && !args[0])
        return err_set(err, ERR_USAGE, "--all takes every platform: leave --platform out");
    if (!path_of(options) && isatty(STDOUT_FILENO))
        return err_set(err, ERR_USAGE, "say where to write with -o FILE, or redirect the output");
    return 0;
}

static int set_platform(struct platform *platform, const struct export_line *options,
                        struct err *err)
{
    struct utsname machine;

    if (options->platform)
        return platform_parse(platform, options->platform, err);
    if (uname(&machine) < 0)
        return err_sys(err, errno, "uname");
    platform_of_machine(platform, machine.machine);
    return 0;
}

static int open_output(const struct export_line *options, bool sync, struct export_output **output,
                       struct err *err)
{
    const char *path = path_of(options);
    struct stat st;

    caller_begin();
    bool is_directory = path && ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)) ||
                                 (*path && path[strlen(path) - 1] == '/'));
    caller_end();
    return is_directory ? export_open_directory(path, sync, output, err)
                        : export_open_tar(path, sync, output, err);
}

static int make_plan(struct export_plan *plan, struct bar *bar, const struct export_line *options,
                     char **args, struct err *err)
{
    int result = 0;

    bar_start(bar, BAR_ITEMS, options->quiet);
    if (!args[0])
        result = export_select_all(plan, err);
    for (size_t i = 0; args[i] && result == 0; i++)
        result = export_select(plan, args[i], err);
    bar_end(bar);
    if (result == 0)
        export_plan_finish(plan);
    return result;
}

static int write_plan(const struct export_plan *plan, struct bar *bar,
                      const struct export_line *options, bool sync, struct export_written *written,
                      struct err *err)
{
    struct export_output *output;

    if (open_output(options, sync, &output, err) < 0)
        return -1;
    bar_start(bar, BAR_BYTES, options->quiet);
    int result = export_write(plan, output, written, err);
    bar_end(bar);
    output->close(output);
    return result;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_text(const struct export_plan *plan, const struct export_written *written,
                       struct buf *out)
{
    char size[AMOUNT_TEXT], left_out[AMOUNT_TEXT];
    size_t images = 0;

    for (size_t i = 0; i < plan->n_roots; i++) {
        const struct export_root *root = &plan->roots[i];
        if (root->is_referrer)
            continue;
        images++;
        buf_addf(out, "%s%s%s  %s%s%s\n", root->repository, root->tag ? ":" : "",
                 root->tag ? root->tag : "", root->digest.s, root->platform ? "  " : "",
                 root->platform ? root->platform : "");
    }
    amount_size(size, written->bytes);
    amount_size(left_out, plan->left_out_bytes);
    size_t referrers = plan->n_roots - images;
    buf_addf(out, "%zu image%s, %zu referrer%s; written: %zu manifest%s, %zu blob%s, %s", images,
             plural(images), referrers, plural(referrers), written->manifests,
             plural(written->manifests), written->blobs, plural(written->blobs), size);
    if (written->present)
        buf_addf(out, "; there already: %zu", written->present);
    if (plan->left_out)
        buf_addf(out, "; left out by --have: %zu, %s", plan->left_out, left_out);
    if (plan->elsewhere)
        buf_addf(out, "; layers that are elsewhere: %zu", plan->elsewhere);
    buf_addc(out, '\n');
}

static void print_text_or_null(const char *text, struct buf *out)
{
    if (text)
        json_quote(text, out);
    else
        buf_addstr(out, "null");
}

static void print_json(const struct export_plan *plan, const struct export_written *written,
                       const char *path, struct buf *out)
{
    buf_addstr(out, "{\"output\":");
    print_text_or_null(path, out);
    buf_addstr(out, ",\"images\":[");
    for (size_t i = 0; i < plan->n_roots; i++) {
        const struct export_root *root = &plan->roots[i];
        buf_addf(out, "%s{\"name\":\"%s\",\"tag\":", i ? "," : "", root->repository);
        print_text_or_null(root->tag, out);
        buf_addf(out, ",\"digest\":\"%s\",\"platform\":", root->digest.s);
        print_text_or_null(root->platform, out);
        buf_addf(out, ",\"referrer\":%s}", root->is_referrer ? "true" : "false");
    }
    buf_addf(out,
             "],\"manifests\":%zu,\"blobs\":%zu,\"bytes\":%jd,\"present\":%zu,"
             "\"leftOut\":{\"count\":%zu,\"bytes\":%jd},\"elsewhere\":%zu}\n",
             written->manifests, written->blobs, (intmax_t)written->bytes, written->present,
             plan->left_out, (intmax_t)plan->left_out_bytes, plan->elsewhere);
}

/* On standard error where the tar is on standard output. */
static int report(const struct export_plan *plan, const struct export_written *written,
                  const struct export_line *options, struct err *err)
{
    const char *path = path_of(options);
    AUTO_BUF out = BUF_INIT;

    if (options->common.json)
        print_json(plan, written, path, &out);
    else
        print_text(plan, written, &out);
    if (path)
        return print_out(&out, err);
    fwrite(out.s, 1, out.len, stderr);
    return 0;
}

static int export(const struct registry *registry, const struct export_line *options, char **args,
                  const struct digest_map *have, struct err *err)
{
    struct bar bar = {0};
    AUTO_PLAN plan = {
        .progress = &bar.progress,
        .registry = registry,
        .all_platforms = options->all,
        .whole_store = !args[0],
        .referrers = !options->no_referrers,
        .have = have,
    };
    struct export_written written = {0};

    if (set_platform(&plan.platform, options, err) < 0 ||
        make_plan(&plan, &bar, options, args, err) < 0 ||
        write_plan(&plan, &bar, options, registry->store->fs.durable, &written, err) < 0)
        return -1;
    return report(&plan, &written, options, err);
}

/* The caller's files are opened as the caller: the list before root becomes the store's owner, the
 * output through caller.h. */
static int run(const void *said, char **args, struct err *err)
{
    const struct export_line *options = said;
    AUTO_DIGEST_MAP have = {0};
    struct opened admin;
    struct conf conf;

    if (check_arguments(options, args, err) < 0 ||
        (options->have && have_read(&have, options->have, err) < 0) ||
        open_conf(&options->common, &conf, err) < 0)
        return -1;
    int result = caller_lend(&conf, err);
    conf_free(&conf);
    if (result < 0 || open_store(&options->common, false, &admin, err) < 0)
        return -1;
    interrupt_catch();
    result = export(&admin.registry, options, args, &have, err);
    open_close(&admin);
    interrupt_end();
    return result;
}

const struct command export_command = {
    .name = "export",
    .arguments = "[REPOSITORY[:TAG|@DIGEST]...]",
    .summary = "write images, or the whole store, to a tar or an OCI layout",
    .args_min = 0,
    .args_max = INT_MAX,
    .rows = rows,
    .size = sizeof(struct export_line),
    .run = run,
};
