/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth export`. */
#include "transfer/export.h"

#include "admin/caller.h"
#include "admin/command.h"
#include "admin/export_file.h"
#include "admin/export_report.h"
#include "admin/open.h"
#include "admin/watch.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "transfer/have.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
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

static int read_have(struct digest_map *have, const char *path, struct err *err)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *file = is_stdin ? stdin : fopen(path, "re");

    if (!file)
        return err_sys(err, errno, "%s", path);
    int result = have_read(have, file, is_stdin ? "standard input" : path, err);
    if (!is_stdin)
        fclose(file);
    return result;
}

/* On standard error where the tar is on standard output. */
static int report(const struct export_plan *plan, const struct export_write *written,
                  const struct export_line *options, struct err *err)
{
    const char *path = path_of(options);
    AUTO_BUF out = BUF_INIT;

    if (options->common.json)
        export_report_json(plan, written, path, &out);
    else
        export_report_text(plan, written, &out);
    if (path)
        return print_out(&out, err);
    fwrite(out.s, 1, out.len, stderr);
    return 0;
}

/* To what is open already. */
static int write_to(struct export_file *file, struct export_plan *plan, bool sync,
                    struct export_write *written, struct err *err)
{
    struct output *output;

    if (export_file_output(file, sync, &output, err) < 0)
        return -1;
    int result = export_run(plan, output, written, err);
    output_close(output);
    return result < 0 ? -1 : export_file_commit(file, sync, err);
}

static int export(const struct export_line *line, struct export_request *request,
                  struct export_file *file, struct err *err)
{
    struct opened opened;
    struct watch watch;
    struct transfer_options options = {.registry = &opened.registry, .jobs = 1};
    AUTO_EXPORT_PLAN plan = {.options = &options, .request = request};
    struct export_write written = {0};

    if (set_platform(&request->platform, line, err) < 0 ||
        open_store(&line->common, false, &opened, err) < 0)
        return -1;
    watch_start(&watch, line->quiet, &options);
    int result = write_to(file, &plan, opened.store.fs.durable, &written, err);
    watch_end(&watch);
    open_close(&opened);
    return result < 0 ? -1 : report(&plan, &written, line, err);
}

static int lend(const struct export_line *line, struct err *err)
{
    struct config conf;

    if (open_config(&line->common, &conf, err) < 0)
        return -1;
    int result = caller_lend(&conf, err);
    config_free(&conf);
    return result;
}

/* Files of the caller's are opened as the caller, before root becomes the store's owner. */
static int run(const void *said, char **args, struct err *err)
{
    const struct export_line *line = said;
    AUTO_DIGEST_MAP have = {0};
    struct export_file file;
    struct export_request request = {
        .references = (const char *const *)args,
        .all_platforms = line->all,
        .referrers = !line->no_referrers,
        .have = &have,
    };

    while (args[request.n_references])
        request.n_references++;
    if (check_arguments(line, args, err) < 0 ||
        (line->have && read_have(&have, line->have, err) < 0))
        return -1;
    interrupt_catch();
    int result = export_file_open(&file, path_of(line), err);
    if (result == 0)
        result = lend(line, err);
    if (result == 0)
        result = export(line, &request, &file, err);
    export_file_close(&file);
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
