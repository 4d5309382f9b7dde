/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth cp`, and what `berth tag` is too: a copy, within a repository. */
#include "admin/cp.h"
#include "admin/command.h"
#include "admin/open.h"
#include "base/amount.h"
#include "base/arena.h"
#include "base/array.h"
#include "cli/bar.h"
#include "cli/table.h"
#include "registry/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct options_row cp_rows[] = {
    OPTIONS_ROW(struct cp_line, no_referrers, 0, "no-referrers", NULL,
                "without signatures, SBOMs and what else refers to it"),
    OPTIONS_VERBOSE(struct cp_line),
    OPTIONS_QUIET(struct cp_line),
    OPTIONS_END,
};

struct tagged {
    const char *tag, *digest;
    const char *moved_from; /* NULL: the tag is new, or stays where it was */
};

static const struct table_column tag_columns[] = {
    TABLE_COLUMN(struct tagged, tag, TABLE_TEXT, "tag", NULL),
    TABLE_COLUMN(struct tagged, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct tagged, moved_from, TABLE_TEXT, "movedFrom", NULL),
    TABLE_END,
};

/* What is said of a copy, while it is made and afterwards. */
struct report {
    const struct cp_line *options;
    const char *from, *to, *digest;
    struct bar bar;
    int64_t manifests, blobs;
    struct buf steps; /* lines for -v */
    struct tagged *tags;
    size_t n_tags;
    struct arena texts;
};

static const struct table_column columns[] = {
    TABLE_COLUMN(struct report, from, TABLE_TEXT, "from", NULL),
    TABLE_COLUMN(struct report, to, TABLE_TEXT, "to", NULL),
    TABLE_COLUMN(struct report, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct report, manifests, TABLE_NUMBER, "manifests", NULL),
    TABLE_COLUMN(struct report, blobs, TABLE_NUMBER, "blobs", NULL),
    TABLE_END,
};

static void report_free(struct report *report)
{
    buf_free(&report->steps);
    free(report->tags);
    arena_free(&report->texts);
}

static void report_tag(struct report *report, const struct copy_step *step)
{
    struct arena *texts = &report->texts;

    *ARRAY_ADD(report->tags, report->n_tags) = (struct tagged){
        .tag = arena_printf(texts, "%s", step->tag->s),
        .digest = arena_printf(texts, "%s", step->digest->s),
        .moved_from = step->moved_from ? arena_printf(texts, "%s", step->moved_from->s) : NULL,
    };
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

static void odd_size(void *context, const struct descriptor *descriptor, int64_t size)
{
    struct report *report = context;

    bar_end(&report->bar);
    fprintf(stderr,
            "berth: %s has %jd bytes, but a manifest says %jd: it is copied as it is, see berth "
            "fsck\n",
            descriptor->digest.s, (intmax_t)size, (intmax_t)descriptor->size);
}

static void print_text(const struct report *report, struct buf *out)
{
    char manifests[AMOUNT_TEXT], blobs[AMOUNT_TEXT];

    buf_add(out, report->steps.s, report->steps.len);
    amount_count(manifests, report->manifests, "manifest");
    amount_count(blobs, report->blobs, "blob");
    if (strcmp(report->from, report->to) != 0)
        buf_addf(out, "copied %s@%s to %s: %s, %s\n", report->from, report->digest, report->to,
                 manifests, blobs);
    for (size_t i = 0; i < report->n_tags; i++) {
        const struct tagged *tag = &report->tags[i];
        buf_addf(out, "%s:%s is %s%s%s\n", report->to, tag->tag, tag->digest,
                 tag->moved_from ? ", moved from " : "", tag->moved_from ? tag->moved_from : "");
    }
}

static int print_report(const struct report *report, struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, report->options->common.json);
    table_sheet(columns, report, &out);
    if (out.json)
        table_print(tag_columns, "tags", report->tags, report->n_tags, sizeof *report->tags, &out);
    else
        print_text(report, &out.text);
    return output_end(&out, err);
}

int cp_run(const struct cp_line *options, const struct reference *source, struct copy copy,
           struct err *err)
{
    struct opened opened;
    struct report report = {
        .options = options, .from = copy.from.s, .to = copy.to.s, .digest = copy.digest.s};

    if (open_store(&options->common, true, &opened, err) < 0)
        return -1;
    copy.done = done;
    copy.odd_size = odd_size;
    copy.context = &report;
    bar_start(&report.bar, BAR_ITEMS, options->quiet);
    progress_at(&report.bar.progress, "copying", 0, -1);
    int result = pull_resolve(&opened.registry, &copy.from, source, &copy.digest, err);
    if (result == 0)
        result =
            err_set(err, ERR_MANIFEST_UNKNOWN, "%s in %s", reference_text(source), copy.from.s);
    else if (result > 0)
        result = copy_manifest(&opened.registry, &copy, err);
    bar_end(&report.bar);
    if (result == 0)
        result = print_report(&report, err);
    report_free(&report);
    open_close(&opened);
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
