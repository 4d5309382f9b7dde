/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth retain`: what it says. */
#include "admin/retain.h"

#include "base/amount.h"
#include "base/json.h"
#include "base/rfc3339.h"

#include <stdio.h>

#define SECOND ((int64_t)1000000000)

static void add_age(struct buf *out, int64_t nanoseconds)
{
    char age[AMOUNT_TEXT];

    amount_age_short(age, nanoseconds > 0 ? nanoseconds / SECOND : 0);
    buf_addstr(out, age);
}

static void add_place(struct buf *out, const char *separator, const struct conf *conf, int line)
{
    buf_addf(out, "%s%s:%d", separator, conf->path, line);
}

static void add_hold(const struct retain_report *report, const struct retain_tag *tag,
                     struct buf *out)
{
    struct policy_hold hold;

    if (!policy_holds(report->policy, report->name, &tag->tag, &hold))
        return;
    if (hold.pattern)
        buf_addf(out, "immutable = \"%s\"", hold.pattern);
    else
        buf_addstr(out, "readonly");
    add_place(out, ", ", report->conf, hold.rule->line);
}

static void add_no_rule(const struct retain_report *report, const struct retain_history *history,
                        const struct retain_tag *tag, struct buf *out)
{
    buf_addstr(out, "set ");
    add_age(out, history->now - tag->set);
    buf_addstr(out, " ago");
    if (report->section->pulled.text && tag->pulled < 0) {
        buf_addstr(out, ", no pull known for ");
        add_age(out, history->now - retain_last_use(history, tag));
    } else if (report->section->pulled.text) {
        buf_addstr(out, ", pulled ");
        add_age(out, history->now - tag->pulled);
        buf_addstr(out, " ago");
    }
    buf_addstr(out, ": no rule keeps it");
    add_place(out, "; ", report->conf, report->section->line);
}

static void explain_tag(const struct retain_report *report, const struct retain_history *history,
                        const struct retain_tag *tag, struct buf *out)
{
    const struct conf_retain *section = report->section;

    buf_addstr(out, "");
    switch (tag->reason) {
    case RETAIN_CHANGED:
        buf_addstr(out, "it was changed meanwhile: left to the next run");
        return;
    case RETAIN_IMMUTABLE:
        add_hold(report, tag, out);
        return;
    case RETAIN_SUBJECT:
    case RETAIN_SUBJECT_GOES:
        buf_addf(out, "%s %s", tag->stays ? "belongs to" : "goes with",
                 history->manifests[tag->subject].digest.s);
        return;
    case RETAIN_NO_SUBJECT:
        buf_addstr(out, "a signature of what is not in this repository");
        return;
    case RETAIN_NO_RULES:
        buf_addstr(out, "no rule for tags");
        break;
    case RETAIN_TAGS:
        buf_addf(out, "tags = \"%s\"", tag->pattern);
        break;
    case RETAIN_NEWEST:
        buf_addf(out, "newest = %jd", (intmax_t)section->newest);
        break;
    case RETAIN_YOUNGER:
        buf_addf(out, "younger = \"%s\"", section->younger.text);
        break;
    case RETAIN_PULLED:
        buf_addf(out, "pulled = \"%s\"", section->pulled.text);
        break;
    default:
        add_no_rule(report, history, tag, out);
        return;
    }
    add_place(out, ", ", report->conf, section->line);
}

static void explain_manifest(const struct retain_report *report,
                             const struct retain_history *history,
                             const struct retain_manifest *manifest, struct buf *out)
{
    const struct conf_age *untagged = &report->section->untagged;

    if (manifest->reason == RETAIN_CHANGED) {
        buf_addstr(out, "it was changed meanwhile: left to the next run");
        return;
    }
    if (manifest->reason == RETAIN_BELONGS || manifest->reason == RETAIN_SUBJECT_GOES) {
        buf_addf(out, "%s %s", manifest->stays ? "belongs to" : "goes with",
                 history->manifests[manifest->owner].digest.s);
        return;
    }
    if (manifest->reason == RETAIN_LOST_TAG) {
        buf_addstr(out, "loses its last tag");
    } else {
        buf_addstr(out, "no tag for ");
        add_age(out, history->now - manifest->since);
    }
    if (untagged->text) {
        buf_addf(out, ": untagged = \"%s\"", untagged->text);
        add_place(out, ", ", report->conf, report->section->line);
    } else {
        buf_addf(out, ": grace = %jd", (intmax_t)report->conf->grace);
    }
}

static const char *rule_name(enum retain_reason reason)
{
    switch (reason) {
    case RETAIN_CHANGED:
        return "changed";
    case RETAIN_IMMUTABLE:
        return "immutable";
    case RETAIN_TAGS:
        return "tags";
    case RETAIN_NEWEST:
        return "newest";
    case RETAIN_YOUNGER:
        return "younger";
    case RETAIN_PULLED:
        return "pulled";
    case RETAIN_SUBJECT:
    case RETAIN_SUBJECT_GOES:
        return "subject";
    case RETAIN_BELONGS:
        return "owner";
    case RETAIN_LOST_TAG:
    case RETAIN_UNTAGGED:
        return "untagged";
    default:
        return NULL;
    }
}

static void add_text(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, ",\"%s\":", key);
    if (value)
        json_quote(value, out);
    else
        buf_addstr(out, "null");
}

static void add_time(struct buf *out, const char *key, int64_t when)
{
    char text[RFC3339_SIZE];

    rfc3339_format(text, (time_t)(when / SECOND));
    add_text(out, key, when < 0 ? NULL : text);
}

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

void retain_report_tag(struct retain_report *report, const struct retain_history *history,
                       const struct retain_tag *tag)
{
    AUTO_BUF why = BUF_INIT;
    struct buf *out = &report->tags;

    if (!is_told(report, tag->stays))
        return;
    explain_tag(report, history, tag, &why);
    if (!report->options->common.json) {
        buf_addf(out, "%s %s:%s (%s)\n", verb(report, tag->stays), report->name->s, tag->tag.s,
                 why.s);
        return;
    }
    buf_addf(out, "%s{\"tag\":\"%s\"", out->len ? "," : "", tag->tag.s);
    add_text(out, "digest", tag->digest.s);
    add_text(out, "verdict", tag->stays ? "keep" : "remove");
    add_text(out, "rule", rule_name(tag->reason));
    add_text(out, "why", why.s);
    add_time(out, "set", tag->set);
    add_time(out, "pulled", tag->pulled);
    buf_addc(out, '}');
}

void retain_report_manifest(struct retain_report *report, const struct retain_history *history,
                            const struct retain_manifest *manifest)
{
    AUTO_BUF why = BUF_INIT;
    struct buf *out = &report->manifests;

    if (manifest->reason == RETAIN_TAGGED || !is_told(report, manifest->stays) ||
        (manifest->reason == RETAIN_BELONGS && !report->options->verbose))
        return;
    explain_manifest(report, history, manifest, &why);
    if (!report->options->common.json) {
        buf_addf(out, "%s %s@%s (%s)\n", verb(report, manifest->stays), report->name->s,
                 manifest->digest.s, why.s);
        return;
    }
    buf_addf(out, "%s{\"digest\":\"%s\"", out->len ? "," : "", manifest->digest.s);
    add_text(out, "verdict", manifest->stays ? "keep" : "remove");
    add_text(out, "rule",
             manifest->reason == RETAIN_NOTHING ? "untagged" : rule_name(manifest->reason));
    add_text(out, "why", why.s);
    add_time(out, "since", manifest->since);
    buf_addc(out, '}');
}

void retain_report_begin(const struct retain_report *report, struct buf *out)
{
    if (report->options->common.json)
        buf_addf(out, "{\"dryRun\":%s,\"repositories\":[",
                 report->options->dry_run ? "true" : "false");
}

void retain_report_repository(struct retain_report *report, const struct err *wrong,
                              struct buf *out)
{
    buf_addstr(&report->tags, "");
    buf_addstr(&report->manifests, "");
    if (report->options->common.json) {
        buf_addf(out, "%s{\"name\":\"%s\"", report->repositories ? "," : "", report->name->s);
        add_text(out, "file", report->conf->path);
        buf_addf(out, ",\"line\":%d", report->section->line);
        add_text(out, "error", wrong ? wrong->msg : NULL);
        buf_addf(out, ",\"tags\":[%s],\"manifests\":[%s]}", report->tags.s, report->manifests.s);
    } else {
        buf_add(out, report->tags.s, report->tags.len);
        buf_add(out, report->manifests.s, report->manifests.len);
    }
    report->repositories++;
    buf_clear(&report->tags);
    buf_clear(&report->manifests);
}

static const char *plural(size_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

void retain_report_end(const struct retain_report *report, double seconds, struct buf *out)
{
    bool removed = report->tags_removed + report->manifests_removed > 0;

    if (report->options->common.json) {
        buf_addf(out,
                 "],\"summary\":{\"repositories\":%zu,\"withoutSection\":%zu,\"failed\":%zu,"
                 "\"tagsKept\":%zu,\"tagsRemoved\":%zu,\"manifestsKept\":%zu,"
                 "\"manifestsRemoved\":%zu,\"seconds\":%.3f}}\n",
                 report->repositories, report->without_section, report->failed, report->tags_kept,
                 report->tags_removed, report->manifests_kept, report->manifests_removed, seconds);
        return;
    }
    buf_addf(out, "%zu %s: %zu %s kept, %zu %sremoved; %zu %s kept, %zu %sremoved; %.1f s\n",
             report->repositories, plural(report->repositories, "repository", "repositories"),
             report->tags_kept, plural(report->tags_kept, "tag", "tags"), report->tags_removed,
             report->options->dry_run ? "to be " : "", report->manifests_kept,
             plural(report->manifests_kept, "manifest", "manifests"), report->manifests_removed,
             report->options->dry_run ? "to be " : "", seconds);
    if (report->without_section)
        buf_addf(out, "%zu more without a retain section\n", report->without_section);
    if (removed && !report->options->dry_run)
        buf_addstr(out, "`berth gc` brings the space back\n");
}
