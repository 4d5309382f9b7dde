/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth gc`, and what `berth expire` has in common with it. */
#include "admin/gc.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "admin/progress.h"

#include "base/amount.h"
#include "base/clock.h"
#include "base/json.h"
#include "gc/gc.h"
#include "registry/retain.h"

#include <inttypes.h>
#include <stdio.h>

const struct options_row gc_rows[] = {
    OPTIONS_DRY_RUN(struct gc_line),
    OPTIONS_GRACE(struct gc_line),
    OPTIONS_VERBOSE(struct gc_line),
    OPTIONS_QUIET(struct gc_line),
    OPTIONS_END,
};

static const char *const kinds[] = {
    [GC_TAG] = "tag",       [GC_MANIFEST] = "manifest", [GC_LAYER_LINK] = "layerLink",
    [GC_BLOB] = "blob",     [GC_UPLOAD] = "upload",     [GC_REPOSITORY] = "repository",
    [GC_LITTER] = "litter",
};

struct report {
    const struct gc_line *options;
    const struct conf *conf;
    struct bar *bar;
    bool lists; /* each thing that goes */
    struct buf out;
    struct buf problems; /* JSON */
    int64_t n;
    bool failed;
    struct err err;
};

/* What goes may be long, so it is printed as it comes. */
static void flush(struct report *report, size_t from)
{
    if (report->out.len < from || report->failed)
        return;
    bar_end(report->bar);
    if (print_out(&report->out, &report->err) < 0)
        report->failed = true;
    buf_clear(&report->out);
}

static void removes_json(struct report *report, const struct gc_item *item)
{
    buf_addf(&report->out, "%s{\"kind\":\"%s\"", report->n ? "," : "", kinds[item->kind]);
    if (item->name)
        buf_addf(&report->out, ",\"name\":\"%s\"", item->name->s);
    if (*item->what) {
        buf_addf(&report->out, ",\"%s\":",
                 item->kind == GC_TAG      ? "tag"
                 : item->kind == GC_UPLOAD ? "session"
                 : item->kind == GC_LITTER ? "path"
                                           : "digest");
        json_quote(item->what, &report->out);
    }
    if (item->bytes >= 0)
        buf_addf(&report->out, ",\"bytes\":%jd", (intmax_t)item->bytes);
    buf_addf(&report->out, ",\"age\":%jd}", (intmax_t)item->age);
}

static void removes_text(struct report *report, const struct gc_item *item)
{
    static const char *const words[] = {
        [GC_TAG] = "tag",       [GC_MANIFEST] = "manifest", [GC_LAYER_LINK] = "layer link",
        [GC_BLOB] = "blob",     [GC_UPLOAD] = "upload",     [GC_REPOSITORY] = "repository",
        [GC_LITTER] = "litter",
    };
    char size[AMOUNT_TEXT], age[AMOUNT_TEXT];
    const char *separator = !item->name || !*item->what ? ""
                            : item->kind == GC_TAG      ? ":"
                            : item->kind == GC_UPLOAD   ? " "
                                                        : "@";

    buf_addf(&report->out, "%s %s %s%s%s", report->options->dry_run ? "would remove" : "removed",
             words[item->kind], item->name ? item->name->s : "", separator, item->what);
    if (item->bytes >= 0) {
        amount_size(size, item->bytes);
        buf_addf(&report->out, ", %s", size);
    }
    if (item->kind != GC_REPOSITORY) {
        amount_age(age, item->age);
        buf_addf(&report->out, ", %s old", age);
    }
    buf_addc(&report->out, '\n');
}

static void removes(void *context, const struct gc_item *item)
{
    struct report *report = context;

    if (!report->lists)
        return;
    if (report->options->common.json)
        removes_json(report, item);
    else
        removes_text(report, item);
    report->n++;
    flush(report, 65536);
}

static void problem(void *context, const struct name *name, const char *message)
{
    struct report *report = context;

    bar_end(report->bar);
    fprintf(stderr, "berth: %s%s%s\n", name ? name->s : "", name ? ": " : "", message);
    buf_addf(&report->problems, "%s{\"name\":", report->problems.len ? "," : "");
    if (name)
        json_quote(name->s, &report->problems);
    else
        buf_addstr(&report->problems, "null");
    buf_addstr(&report->problems, ",\"message\":");
    json_quote(message, &report->problems);
    buf_addc(&report->problems, '}');
}

static void count_json(struct buf *out, const char *key, struct gc_count count)
{
    buf_addf(out, ",\"%s\":{\"kept\":%jd,\"removed\":%jd}", key, (intmax_t)count.kept,
             (intmax_t)count.removed);
}

static void summary_json(struct report *report, const struct gc_totals *totals, double seconds)
{
    struct buf *out = &report->out;

    buf_addf(out, "%s\"dryRun\":%s", report->lists ? "]," : "{",
             report->options->dry_run ? "true" : "false");
    count_json(out, "repositories", totals->repositories);
    count_json(out, "manifests", totals->manifests);
    count_json(out, "layerLinks", totals->layer_links);
    count_json(out, "blobs", totals->blobs);
    count_json(out, "uploads", totals->uploads);
    buf_addf(out, ",\"tagsRemoved\":%jd,\"bytes\":%jd,\"problems\":[%s],\"seconds\":%.3f",
             (intmax_t)totals->tags_removed, (intmax_t)totals->bytes,
             report->problems.len ? report->problems.s : "", seconds);
    buf_addf(out, ",\"longestPause\":%.3f}\n", (double)totals->longest_pause / 1000);
}

static void summary_text(struct report *report, const struct gc_totals *totals, double seconds)
{
    char size[AMOUNT_TEXT];

    amount_size(size, totals->bytes);
    buf_addf(&report->out,
             "kept: %jd repositories, %jd manifests, %jd blobs, %jd uploads\n"
             "%s: %jd repositories, %jd tags, %jd manifests, %jd layer links, %jd blobs, "
             "%jd uploads\n"
             "%s %s in %.1f s\n",
             (intmax_t)totals->repositories.kept, (intmax_t)totals->manifests.kept,
             (intmax_t)totals->blobs.kept, (intmax_t)totals->uploads.kept,
             report->options->dry_run ? "would remove" : "removed",
             (intmax_t)totals->repositories.removed, (intmax_t)totals->tags_removed,
             (intmax_t)totals->manifests.removed, (intmax_t)totals->layer_links.removed,
             (intmax_t)totals->blobs.removed, (intmax_t)totals->uploads.removed, size,
             report->options->dry_run ? "would come back, seen" : "came back", seconds);
}

/* Uploads and pushes renew what is older than half of the grace that they know of. */
static int64_t choose_grace(const struct gc_line *options, const struct conf *conf)
{
    if (options->grace < 0)
        return conf->grace;
    if (options->grace < conf->grace && !options->dry_run)
        fprintf(stderr,
                "berth: a grace below that of the configuration (%jd s) is safe only while nobody "
                "pushes\n",
                (intmax_t)conf->grace);
    return options->grace;
}

static int64_t untagged(void *context, const struct name *name, int64_t grace)
{
    const struct report *report = context;

    return retain_untagged(report->conf, name, grace);
}

static int collect(struct report *report, struct opened *admin, gc_collect_fn *run, struct err *err)
{
    const struct gc_line *options = report->options;
    struct gc_options gc = {
        .grace = choose_grace(options, &admin->conf),
        .dry_run = options->dry_run,
        .untagged = untagged,
        .removes = removes,
        .problem = problem,
        .context = report,
        .progress = &report->bar->progress,
        .observer = admin->registry.observer,
        .actor = admin->registry.actor,
    };
    struct gc_totals totals;
    double began = clock_seconds();

    if (options->common.json && report->lists)
        buf_addstr(&report->out, "{\"removed\":[");
    if (run(&admin->store, &gc, &totals, err) < 0)
        return -1;
    if (options->common.json)
        summary_json(report, &totals, clock_seconds() - began);
    else
        summary_text(report, &totals, clock_seconds() - began);
    flush(report, 0);
    if (report->failed) {
        return err_copy(err, &report->err);
    }
    if (totals.problems)
        return err_set(err, ERR_IO,
                       "what is named above stood in the way; all that may be needed was kept. See "
                       "berth fsck");
    return 0;
}

int gc_collect(const struct gc_line *options, gc_collect_fn *fn, struct err *err)
{
    struct opened admin;
    struct bar bar;
    struct report report = {
        .options = options, .bar = &bar, .lists = options->dry_run || options->verbose};

    if (open_store(&options->common, !options->dry_run, &admin, err) < 0)
        return -1;
    report.conf = &admin.conf;
    bar_start(&bar, BAR_ITEMS, options->quiet);
    int result = collect(&report, &admin, fn, err);
    bar_end(&bar);
    buf_free(&report.out);
    buf_free(&report.problems);
    open_close(&admin);
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
