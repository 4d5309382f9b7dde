/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth gc` and `berth expire`: what they say. */
#include "admin/gc_report.h"

#include "base/amount.h"
#include "base/array.h"
#include "base/rfc3339.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>

/* How a kind of thing is called by people and in JSON, and there also what says which one it is. */
static const struct {
    const char *name, *key, *what;
    char separator; /* between the repository and that */
} kinds[] = {
    [GC_TAG] = {"tag", "tag", "tag", ':'},
    [GC_MANIFEST] = {"manifest", "manifest", "digest", '@'},
    [GC_LAYER_LINK] = {"layer link", "layerLink", "digest", '@'},
    [GC_BLOB] = {"blob", "blob", "digest", '@'},
    [GC_UPLOAD] = {"upload", "upload", "session", ' '},
    [GC_REPOSITORY] = {"repository", "repository", "digest", '@'},
    [GC_LITTER] = {"litter", "litter", "path", '@'},
};

struct gc_problem {
    const char *name; /* NULL: of no repository */
    const char *message;
};

static const struct table_column problem_columns[] = {
    TABLE_COLUMN(struct gc_problem, name, TABLE_TEXT, "name", NULL),
    TABLE_COLUMN(struct gc_problem, message, TABLE_TEXT, "message", NULL),
    TABLE_END,
};

void gc_report_begin(struct gc_report *report, bool json, bool quiet)
{
    output_begin(&report->out, json);
    if (json && report->lists)
        json_writer_array(report->out.json, "removed");
    bar_start(&report->bar, BAR_ITEMS, quiet);
}

void gc_report_end(struct gc_report *report)
{
    bar_end(&report->bar);
    output_free(&report->out);
    for (size_t i = 0; i < report->n_problems; i++) {
        free((char *)report->problems[i].name);
        free((char *)report->problems[i].message);
    }
    free(report->problems);
}

static void write_item(const struct gc_item *item, struct json_writer *json)
{
    json_writer_object(json, NULL);
    json_writer_string(json, "kind", kinds[item->kind].key);
    if (item->name)
        json_writer_string(json, "name", item->name->s);
    if (*item->what)
        json_writer_string(json, kinds[item->kind].what, item->what);
    if (item->bytes >= 0)
        json_writer_number(json, "bytes", item->bytes);
    json_writer_number(json, "age", item->age);
    json_writer_end(json);
}

static void print_item(const struct gc_report *report, const struct gc_item *item, struct buf *out)
{
    char size[AMOUNT_TEXT], age[AMOUNT_TEXT];

    buf_addf(out, "%s %s %s", report->dry_run ? "would remove" : "removed", kinds[item->kind].name,
             item->name ? item->name->s : "");
    if (item->name && *item->what)
        buf_addc(out, kinds[item->kind].separator);
    buf_addstr(out, item->what);
    if (item->bytes >= 0) {
        amount_size(size, item->bytes);
        buf_addf(out, ", %s", size);
    }
    if (item->kind != GC_REPOSITORY) {
        amount_age(age, item->age);
        buf_addf(out, ", %s old", age);
    }
    buf_addc(out, '\n');
}

/* What goes may be long, so it is printed as it comes. */
void gc_report_item(struct gc_report *report, const struct gc_item *item)
{
    if (!report->lists || report->failed)
        return;
    if (report->out.json)
        write_item(item, report->out.json);
    else
        print_item(report, item, &report->out.text);
    if (output_is_much(&report->out))
        bar_end(&report->bar);
    report->failed = output_flush(&report->out, &report->err) < 0;
}

void gc_report_problem(struct gc_report *report, const struct name *name, const char *message)
{
    bar_end(&report->bar);
    fprintf(stderr, "berth: %s%s%s\n", name ? name->s : "", name ? ": " : "", message);
    *ARRAY_ADD(report->problems, report->n_problems) =
        (struct gc_problem){name ? mem_strdup(name->s) : NULL, mem_strdup(message)};
}

static void write_count(const char *key, struct gc_count count, struct json_writer *json)
{
    json_writer_object(json, key);
    json_writer_number(json, "kept", count.kept);
    json_writer_number(json, "removed", count.removed);
    json_writer_end(json);
}

#define NS ((int64_t)1000000000)

/* The second after it. */
static int64_t waits_until(const struct gc_waiting *waiting)
{
    return (waiting->until + NS - 1) / NS;
}

static void write_waiting(const struct gc_waiting *waiting, struct json_writer *json)
{
    char until[RFC3339_SIZE];

    json_writer_object(json, "waiting");
    json_writer_number(json, "manifests", waiting->manifests);
    json_writer_number(json, "blobs", waiting->blobs);
    json_writer_number(json, "bytes", waiting->bytes);
    rfc3339_format(until, waits_until(waiting));
    json_writer_string(json, "until", waiting->until ? until : NULL);
    json_writer_end(json);
}

/* Whoever has just removed something wonders why it is still there. */
static void print_waiting(const struct gc_waiting *waiting, struct buf *out)
{
    char manifests[AMOUNT_TEXT], blobs[AMOUNT_TEXT], size[AMOUNT_TEXT], until[RFC3339_SIZE];

    if (!waiting->until)
        return;
    amount_count(manifests, waiting->manifests, "manifest");
    amount_count(blobs, waiting->blobs, "blob");
    amount_size(size, waiting->bytes);
    rfc3339_format(until, waits_until(waiting));
    buf_addf(out, "waiting for the grace: %s, %s, %s, the last of it until %s\n", manifests, blobs,
             size, until);
}

static void write_summary(struct gc_report *report, const struct gc_totals *totals, double seconds)
{
    struct json_writer *json = report->out.json;

    if (report->lists)
        json_writer_end(json);
    json_writer_bool(json, "dryRun", report->dry_run);
    write_count("repositories", totals->repositories, json);
    write_count("manifests", totals->manifests, json);
    write_count("layerLinks", totals->layer_links, json);
    write_count("blobs", totals->blobs, json);
    write_count("uploads", totals->uploads, json);
    json_writer_number(json, "tagsRemoved", totals->tags_removed);
    json_writer_number(json, "bytes", totals->bytes);
    write_waiting(&totals->waiting, json);
    table_print(problem_columns, "problems", report->problems, report->n_problems,
                sizeof *report->problems, &report->out);
    json_writer_seconds(json, "seconds", seconds);
    json_writer_seconds(json, "longestPause", (double)totals->longest_pause / 1000);
}

/* "1 repository, 2 tags": of two lists, as long. */
static void add_counts(const int64_t *counts, const char *const *things, size_t n, struct buf *out)
{
    char text[AMOUNT_TEXT];

    for (size_t i = 0; i < n; i++) {
        amount_count(text, counts[i], things[i]);
        buf_addf(out, "%s%s", i ? ", " : "", text);
    }
    buf_addc(out, '\n');
}

static void print_summary(struct gc_report *report, const struct gc_totals *totals, double seconds)
{
    static const char *const kept_things[] = {"repository", "manifest", "blob", "upload"};
    static const char *const things[] = {"repository", "tag",  "manifest",
                                         "layer link", "blob", "upload"};
    const int64_t kept[] = {totals->repositories.kept, totals->manifests.kept, totals->blobs.kept,
                            totals->uploads.kept};
    const int64_t removed[] = {totals->repositories.removed, totals->tags_removed,
                               totals->manifests.removed,    totals->layer_links.removed,
                               totals->blobs.removed,        totals->uploads.removed};
    struct buf *out = &report->out.text;
    char size[AMOUNT_TEXT];

    buf_addstr(out, "kept: ");
    add_counts(kept, kept_things, sizeof kept / sizeof *kept, out);
    buf_addstr(out, report->dry_run ? "would remove: " : "removed: ");
    add_counts(removed, things, sizeof removed / sizeof *removed, out);
    amount_size(size, totals->bytes);
    buf_addf(out, "%s %s in %.1f s\n", size,
             report->dry_run ? "would come back, seen" : "came back", seconds);
    print_waiting(&totals->waiting, out);
}

int gc_report_summary(struct gc_report *report, const struct gc_totals *totals, double seconds,
                      struct err *err)
{
    if (report->failed)
        return err_copy(err, &report->err);
    bar_end(&report->bar);
    if (report->out.json)
        write_summary(report, totals, seconds);
    else
        print_summary(report, totals, seconds);
    return output_end(&report->out, err);
}
