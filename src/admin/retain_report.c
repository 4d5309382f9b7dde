/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth retain`: what it says. */
#include "admin/retain_report.h"

#include "base/amount.h"
#include "cli/table.h"
#include "cli/table_json.h"

#define SECOND ((int64_t)1000000000)

struct tag_row {
    const char *tag, *digest, *verdict, *rule, *why;
    int64_t set, pulled;
};

static const struct table_column tag_columns[] = {
    TABLE_COLUMN(struct tag_row, tag, TABLE_TEXT, "tag", NULL),
    TABLE_COLUMN(struct tag_row, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct tag_row, verdict, TABLE_TEXT, "verdict", NULL),
    TABLE_COLUMN(struct tag_row, rule, TABLE_TEXT, "rule", NULL),
    TABLE_COLUMN(struct tag_row, why, TABLE_TEXT, "why", NULL),
    TABLE_COLUMN(struct tag_row, set, TABLE_TIME, "set", NULL),
    TABLE_COLUMN(struct tag_row, pulled, TABLE_TIME, "pulled", NULL),
    TABLE_END,
};

struct manifest_row {
    const char *digest, *verdict, *rule, *why;
    int64_t since;
};

static const struct table_column manifest_columns[] = {
    TABLE_COLUMN(struct manifest_row, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct manifest_row, verdict, TABLE_TEXT, "verdict", NULL),
    TABLE_COLUMN(struct manifest_row, rule, TABLE_TEXT, "rule", NULL),
    TABLE_COLUMN(struct manifest_row, why, TABLE_TEXT, "why", NULL),
    TABLE_COLUMN(struct manifest_row, since, TABLE_TIME, "since", NULL),
    TABLE_END,
};

static const char *verb(const struct retain_report *report, bool stays)
{
    if (report->options->dry_run)
        return stays ? "keep" : "remove";
    return stays ? "kept" : "removed";
}

/* A run tells what it removed, a dry run all. */
static bool is_told(const struct retain_report *report, bool stays)
{
    return !stays || report->options->dry_run || report->options->common.json ||
           report->options->verbose;
}

static int64_t seconds_of(int64_t nanoseconds)
{
    return nanoseconds < 0 ? -1 : nanoseconds / SECOND;
}

void retain_report_tag(struct retain_report *report, const struct retain_history *history,
                       const struct retain_tag *tag)
{
    struct output *out = &report->out;
    AUTO_BUF why = BUF_INIT;

    if (!is_told(report, tag->stays))
        return;
    report->the.history = history;
    retain_why_tag(&report->the, tag, &why);
    if (out->json)
        table_json_object(tag_columns,
                          &(struct tag_row){tag->name, tag->digest.s,
                                            tag->stays ? "keep" : "remove",
                                            retain_why_rule(tag->reason), why.s,
                                            seconds_of(tag->set), seconds_of(tag->pulled)},
                          NULL, out->json);
    else
        buf_addf(&out->text, "%s %s:%s (%s)\n", verb(report, tag->stays), report->the.name->s,
                 tag->name, why.s);
    output_relieve(out);
}

void retain_report_manifest(struct retain_report *report, const struct retain_history *history,
                            const struct retain_manifest *manifest)
{
    struct output *out = &report->manifests;
    AUTO_BUF why = BUF_INIT;

    if (manifest->reason == RETAIN_TAGGED || !is_told(report, manifest->stays) ||
        (manifest->reason == RETAIN_BELONGS && !report->options->verbose))
        return;
    report->the.history = history;
    retain_why_manifest(&report->the, manifest, &why);
    if (out->json)
        table_json_object(
            manifest_columns,
            &(struct manifest_row){
                manifest->digest.s, manifest->stays ? "keep" : "remove",
                manifest->reason == RETAIN_NOTHING ? "untagged" : retain_why_rule(manifest->reason),
                why.s, seconds_of(manifest->since)},
            NULL, out->json);
    else
        buf_addf(&out->text, "%s %s@%s (%s)\n", verb(report, manifest->stays), report->the.name->s,
                 manifest->digest.s, why.s);
}

void retain_report_begin(struct retain_report *report)
{
    bool json = report->options->common.json;

    report->the.conf = report->conf;
    report->the.policy = report->policy;
    output_begin(&report->out, json);
    if (!json)
        return;
    json_writer_bool(report->out.json, "dryRun", report->options->dry_run);
    json_writer_array(report->out.json, "repositories");
}

void retain_report_end(struct retain_report *report)
{
    output_free(&report->manifests);
    output_free(&report->out);
}

/* A list of its own, as what it tells and the tags come in turn. */
static void open_list(struct output *list, bool json)
{
    buf_clear(&list->text);
    list->writer = json_writer_begin(&list->text);
    list->json = json ? &list->writer : NULL;
    if (json)
        json_writer_array(list->json, NULL);
}

static void close_list(struct output *list, const char *key, struct output *out)
{
    if (list->json) {
        json_writer_end(list->json);
        json_writer_raw(out->json, key, list->text.s, list->text.len);
    } else {
        buf_add(&out->text, list->text.s, list->text.len);
    }
}

void retain_report_open(struct retain_report *report, const struct name *name,
                        const struct retain_section *section)
{
    struct json_writer *json = report->out.json;

    report->the.name = name;
    report->the.section = section;
    open_list(&report->manifests, json != NULL);
    if (!json)
        return;
    json_writer_object(json, NULL);
    json_writer_string(json, "name", name->s);
    json_writer_string(json, "file", section->place.file);
    json_writer_number(json, "line", section->place.line);
    json_writer_array(json, "tags");
}

int retain_report_close(struct retain_report *report, const struct err *wrong, struct err *err)
{
    struct json_writer *json = report->out.json;

    report->repositories++;
    if (json)
        json_writer_end(json);
    close_list(&report->manifests, "manifests", &report->out);
    if (json) {
        json_writer_string(json, "error", wrong ? wrong->msg : NULL);
        json_writer_end(json);
    }
    return output_print(&report->out, err);
}

static void write_summary(const struct retain_report *report, double seconds,
                          struct json_writer *json)
{
    json_writer_end(json);
    json_writer_object(json, "summary");
    json_writer_number(json, "repositories", (int64_t)report->repositories);
    json_writer_number(json, "withoutSection", (int64_t)report->without_section);
    json_writer_number(json, "failed", (int64_t)report->failed);
    json_writer_number(json, "tagsKept", (int64_t)report->tags_kept);
    json_writer_number(json, "tagsRemoved", (int64_t)report->tags_removed);
    json_writer_number(json, "manifestsKept", (int64_t)report->manifests_kept);
    json_writer_number(json, "manifestsRemoved", (int64_t)report->manifests_removed);
    json_writer_seconds(json, "seconds", seconds);
    json_writer_end(json);
}

static void print_summary(const struct retain_report *report, double seconds, struct buf *out)
{
    const char *to_be = report->options->dry_run ? "to be " : "";
    char repositories[AMOUNT_TEXT], tags[AMOUNT_TEXT], manifests[AMOUNT_TEXT];

    amount_count(repositories, (int64_t)report->repositories, "repository");
    amount_count(tags, (int64_t)report->tags_kept, "tag");
    amount_count(manifests, (int64_t)report->manifests_kept, "manifest");
    buf_addf(out, "%s: %s kept, %zu %sremoved; %s kept, %zu %sremoved; %.1f s\n", repositories,
             tags, report->tags_removed, to_be, manifests, report->manifests_removed, to_be,
             seconds);
    if (report->without_section)
        buf_addf(out, "%zu more without a retain section\n", report->without_section);
    if (report->tags_removed + report->manifests_removed > 0 && !report->options->dry_run)
        buf_addstr(out, "`berth gc` brings the space back\n");
}

int retain_report_summary(struct retain_report *report, double seconds, struct err *err)
{
    if (report->out.json)
        write_summary(report, seconds, report->out.json);
    else
        print_summary(report, seconds, &report->out.text);
    return output_end(&report->out, err);
}
