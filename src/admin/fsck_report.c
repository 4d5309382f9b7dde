/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth fsck`: what it says. */
#include "admin/fsck_report.h"

#include "base/amount.h"
#include "base/text.h"
#include "cli/table.h"
#include "cli/table_json.h"

/* File names may hold anything; a finding is one line. */
static void print_text(const struct fsck_finding *finding, struct buf *out)
{
    buf_addf(out, "%s %s ", fsck_code_text(finding->code), fsck_code_severity(finding->code));
    if (finding->path)
        text_add_escaped(out, finding->path);
    else
        buf_addf(out, "%s@%s", finding->repository, finding->digest);
    buf_addstr(out, ": ");
    text_add_escaped(out, finding->message);
    if (finding->repaired) {
        buf_addstr(out, "; repaired: ");
        text_add_escaped(out, finding->repaired);
    } else if (finding->not_repaired) {
        buf_addstr(out, "; not repaired: ");
        text_add_escaped(out, finding->not_repaired);
    }
    buf_addc(out, '\n');
}

/* A finding, for JSON: one in a line. */
struct finding_row {
    const char *code, *severity;
    const char *repository, *digest, *path;
    const char *message, *repaired, *not_repaired;
};

static const struct table_column finding_columns[] = {
    TABLE_COLUMN(struct finding_row, code, TABLE_TEXT, "code", NULL),
    TABLE_COLUMN(struct finding_row, severity, TABLE_TEXT, "severity", NULL),
    TABLE_COLUMN(struct finding_row, repository, TABLE_TEXT, "repository", NULL),
    TABLE_COLUMN(struct finding_row, digest, TABLE_TEXT, "digest", NULL),
    TABLE_COLUMN(struct finding_row, path, TABLE_TEXT, "path", NULL),
    TABLE_COLUMN(struct finding_row, message, TABLE_TEXT, "message", NULL),
    TABLE_COLUMN(struct finding_row, repaired, TABLE_TEXT, "repaired", NULL),
    TABLE_COLUMN(struct finding_row, not_repaired, TABLE_TEXT, "notRepaired", NULL),
    TABLE_END,
};

static void write_finding(const struct fsck_finding *finding, struct json_writer *json)
{
    const struct finding_row row = {
        .code = fsck_code_text(finding->code),
        .severity = fsck_code_severity(finding->code),
        .repository = finding->repository,
        .digest = finding->digest,
        .path = finding->path,
        .message = finding->message,
        .repaired = finding->repaired,
        .not_repaired = finding->not_repaired,
    };

    table_json_members(finding_columns, &row, json);
}

int fsck_report_finding(const struct fsck_finding *finding, bool json, struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json)
        write_finding(finding, out.json);
    else
        print_text(finding, &out.text);
    return output_end(&out, err);
}

static void count(struct buf *out, int64_t n, const char *thing)
{
    char text[AMOUNT_TEXT];

    amount_count(text, n, thing);
    buf_addf(out, "%s%s", out->len ? ", " : "", text);
}

static void print_summary_text(const struct fsck_summary *summary, double seconds, struct buf *out)
{
    char size[AMOUNT_TEXT], earlier[AMOUNT_TEXT];
    AUTO_BUF line = BUF_INIT;

    amount_size(size, summary->hashed_bytes);
    amount_count(earlier, summary->skipped, "blob");
    count(&line, summary->repositories, "repository");
    count(&line, summary->manifests, "manifest");
    count(&line, summary->blobs, "blob");
    buf_addf(&line, ", %s hashed", size);
    if (summary->skipped)
        buf_addf(&line, " (%s by earlier runs)", earlier);
    count(&line, summary->errors, "error");
    count(&line, summary->warnings, "warning");
    buf_addf(&line, ", %jd repaired", (intmax_t)summary->repaired);
    if (summary->lost)
        buf_addf(&line, ", %jd of them to be pushed again", (intmax_t)summary->lost);
    if (summary->awaited)
        buf_addf(&line, ", %jd noted before and not pushed yet", (intmax_t)summary->awaited);
    buf_addf(out, "%s, %.1f s%s\n", line.s, seconds, summary->stopped ? ", stopped" : "");
}

static void write_summary(const struct fsck_summary *summary, double seconds,
                          struct json_writer *json)
{
    json_writer_object(json, "summary");
    json_writer_number(json, "repositories", summary->repositories);
    json_writer_number(json, "manifests", summary->manifests);
    json_writer_number(json, "blobs", summary->blobs);
    json_writer_number(json, "hashed", summary->hashed);
    json_writer_number(json, "bytesHashed", summary->hashed_bytes);
    json_writer_number(json, "skipped", summary->skipped);
    json_writer_number(json, "findings", summary->errors + summary->warnings);
    json_writer_number(json, "errors", summary->errors);
    json_writer_number(json, "warnings", summary->warnings);
    json_writer_number(json, "repaired", summary->repaired);
    json_writer_number(json, "lost", summary->lost);
    json_writer_number(json, "awaited", summary->awaited);
    json_writer_seconds(json, "seconds", seconds);
    json_writer_bool(json, "complete", !summary->stopped);
    json_writer_end(json);
}

int fsck_report_summary(const struct fsck_summary *summary, double seconds, bool json,
                        struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json)
        write_summary(summary, seconds, out.json);
    else
        print_summary_text(summary, seconds, &out.text);
    return output_end(&out, err);
}
