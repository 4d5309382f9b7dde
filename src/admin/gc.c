/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth gc`, and what `berth expire` has in common with it. */
#include "admin/gc.h"

#include "admin/command.h"
#include "admin/gc_report.h"
#include "admin/open.h"
#include "base/clock.h"
#include "registry/pulled.h"
#include "registry/retain.h"

#include <stdio.h>

const struct options_row gc_rows[] = {
    OPTIONS_DRY_RUN(struct gc_line),
    OPTIONS_GRACE(struct gc_line),
    OPTIONS_VERBOSE(struct gc_line),
    OPTIONS_QUIET(struct gc_line),
    OPTIONS_END,
};

/* What the collector's questions and reports need. */
struct collecting {
    struct gc_report report;
    const struct config *conf;
};

static void removes(void *context, const struct gc_item *item)
{
    struct collecting *collecting = context;

    gc_report_item(&collecting->report, item);
}

static void problem(void *context, const struct name *name, const char *message)
{
    struct collecting *collecting = context;

    gc_report_problem(&collecting->report, name, message);
}

static int64_t untagged(void *context, const struct name *name, int64_t grace)
{
    const struct collecting *collecting = context;

    return retain_untagged(&collecting->conf->live.retain, name, grace);
}

/* Uploads and pushes renew what is older than half of the grace that they know of. */
static int64_t choose_grace(const struct gc_line *options, const struct config *conf)
{
    if (options->grace < 0)
        return conf->frozen.store.grace;
    if (options->grace < conf->frozen.store.grace && !options->dry_run)
        fprintf(stderr,
                "berth: a grace below that of the configuration (%jd s) is safe only while nobody "
                "pushes\n",
                (intmax_t)conf->frozen.store.grace);
    return options->grace;
}

static int collect(struct collecting *collecting, struct opened *opened,
                   const struct gc_line *options, gc_collect_fn *run, struct err *err)
{
    const struct gc_options how = {
        .grace = choose_grace(options, &opened->conf),
        .dry_run = options->dry_run,
        .untagged = untagged,
        .removes = removes,
        .problem = problem,
        .context = collecting,
        .observer = opened->registry.observer,
        .actor = opened->registry.actor,
        .progress = &collecting->report.bar.progress,
    };
    struct gc_totals totals;
    double began = clock_seconds();

    if (run(&opened->store, &how, &totals, err) < 0 ||
        (!how.dry_run && pulled_sweep(&opened->store, err) < 0) ||
        gc_report_summary(&collecting->report, &totals, clock_seconds() - began, err) < 0)
        return -1;
    if (totals.problems)
        return err_set(err, ERR_IO,
                       "what is named above stood in the way; all that may be needed was kept. See "
                       "berth fsck");
    return 0;
}

int gc_collect(const struct gc_line *options, gc_collect_fn *run, struct err *err)
{
    struct opened opened;
    struct collecting collecting = {
        .report = {.dry_run = options->dry_run, .lists = options->dry_run || options->verbose},
        .conf = &opened.conf};

    if (open_store(&options->common, !options->dry_run, &opened, err) < 0)
        return -1;
    gc_report_begin(&collecting.report, options->common.json, options->quiet);
    int result = collect(&collecting, &opened, options, run, err);
    gc_report_end(&collecting.report);
    open_close(&opened);
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    (void)args;
    return gc_collect(said, gc_run, err);
}

const struct command gc_command = {
    .name = "gc",
    .arguments = "",
    .summary = "remove what nobody can reach any more, and stale uploads",
    .args_min = 0,
    .args_max = 0,
    .rows = gc_rows,
    .size = sizeof(struct gc_line),
    .run = run,
};
