/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth cp`, and what `berth tag` is too: a copy, within a repository. */
#include "admin/cp.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "admin/progress.h"
#include "registry/copy.h"

#include <string.h>

const struct options_row cp_rows[] = {
    OPTIONS_ROW(struct cp_line, no_referrers, 0, "no-referrers", NULL,
                "without signatures, SBOMs and what else refers to it"),
    OPTIONS_VERBOSE(struct cp_line),
    OPTIONS_QUIET(struct cp_line),
    OPTIONS_END,
};

/* What is said of a copy, while it is made and afterwards. */
struct report {
    const struct cp_line *options;
    const struct copy *copy;
    struct bar bar;
    int64_t manifests, blobs;
    struct buf steps; /* lines for -v */
    struct buf tags;  /* lines, or objects of a list */
};

static void report_tag(struct report *report, const struct copy_step *step)
{
    const char *name = report->copy->to.s;
    const char *from = step->moved_from ? step->moved_from->s : NULL;

    if (report->options->common.json)
        buf_addf(&report->tags, "%s{\"tag\":\"%s\",\"digest\":\"%s\",\"movedFrom\":%s%s%s}",
                 report->tags.len ? "," : "", step->tag->s, step->digest->s, from ? "\"" : "",
                 from ? from : "null", from ? "\"" : "");
    else
        buf_addf(&report->tags, "%s:%s is %s%s%s\n", name, step->tag->s, step->digest->s,
                 from ? ", moved from " : "", from ? from : "");
}

static void done(void *context, const struct copy_step *step)
{
    struct report *report = context;

    if (step->tag) {
        report_tag(report, step);
    } else {
        report->manifests += step->is_manifest;
        report->blobs += !step->is_manifest;
        if (report->options->verbose && !report->options->common.json)
            buf_addf(&report->steps, "%s %s\n", step->is_manifest ? "manifest" : "blob",
                     step->digest->s);
    }
    progress_at(&report->bar.progress, "copying", report->manifests + report->blobs, -1);
}

static void print_report(const struct report *report, struct buf *out)
{
    const struct copy *copy = report->copy;

    if (report->options->common.json) {
        buf_addf(out,
                 "{\"from\":\"%s\",\"to\":\"%s\",\"digest\":\"%s\",\"manifests\":%jd,"
                 "\"blobs\":%jd,\"tags\":[%s]}\n",
                 copy->from.s, copy->to.s, copy->digest.s, (intmax_t)report->manifests,
                 (intmax_t)report->blobs, report->tags.len ? report->tags.s : "");
        return;
    }
    buf_add(out, report->steps.s, report->steps.len);
    if (strcmp(copy->from.s, copy->to.s) != 0)
        buf_addf(out, "copied %s@%s to %s: %jd manifest%s, %jd blob%s\n", copy->from.s,
                 copy->digest.s, copy->to.s, (intmax_t)report->manifests,
                 report->manifests == 1 ? "" : "s", (intmax_t)report->blobs,
                 report->blobs == 1 ? "" : "s");
    buf_add(out, report->tags.s, report->tags.len);
}

int cp_run(const struct cp_line *options, const struct reference *source, struct copy copy,
           struct err *err)
{
    struct opened admin;
    struct report report = {.options = options, .copy = &copy};
    AUTO_BUF out = BUF_INIT;

    if (open_store(&options->common, true, &admin, err) < 0)
        return -1;
    copy.done = done;
    copy.context = &report;
    bar_start(&report.bar, BAR_ITEMS, options->quiet);
    progress_at(&report.bar.progress, "copying", 0, -1);
    int result = pull_resolve(&admin.registry, &copy.from, source, &copy.digest, err);
    if (result == 0)
        result =
            err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(source), copy.from.s);
    else if (result > 0)
        result = copy_manifest(&admin.registry, &copy, err);
    bar_end(&report.bar);
    if (result == 0) {
        print_report(&report, &out);
        result = print_out(&out, err);
    }
    buf_free(&report.steps);
    buf_free(&report.tags);
    open_close(&admin);
    return result;
}

int cp_parse_target(const char *text, struct name *name, struct reference *target, struct err *err)
{
    struct reference given;

    if (reference_parse_full(name, &given, text, err) < 0)
        return -1;
    if (given.is_digest)
        return err_set(err, ERR_USAGE, "%s: a copy has the digest of its source, give a tag", text);
    if (strchr(text, ':'))
        *target = given;
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct cp_line *options = said;
    struct copy copy = {.referrers = !options->no_referrers};
    struct reference source, target;

    if (reference_parse_full(&copy.from, &source, args[0], err) < 0)
        return -1;
    target = source;
    if (cp_parse_target(args[1], &copy.to, &target, err) < 0)
        return -1;
    copy.tag = target.is_digest ? NULL : &target.tag;
    return cp_run(options, &source, copy, err);
}

const struct command cp_command = {
    .name = "cp",
    .arguments = "REPOSITORY[:TAG|@DIGEST] REPOSITORY[:TAG]",
    .summary = "copy a manifest into another repository, by links",
    .args_min = 2,
    .args_max = 2,
    .rows = cp_rows,
    .size = sizeof(struct cp_line),
    .run = run,
};
