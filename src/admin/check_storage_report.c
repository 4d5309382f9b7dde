/* SPDX-License-Identifier: Apache-2.0
 * L6: what `berth check-storage` says. */
#include "admin/check_storage_report.h"

#include "base/uuid.h"
#include "cli/output.h"
#include "storage/storage_kind.h"

#include <stdio.h>
#include <string.h>

/* In the order of enum storage_change. */
static const struct {
    const char *key, *text;
} changes[STORAGE_CHANGES] = {
    {"replaced", "a file that is replaced"},
    {"touched", "a time that is renewed"},
    {"created", "a file that is new"},
    {"removed", "a file that is removed"},
};

static void print_look(const struct storage_look *look, const char *text, struct output *out)
{
    buf_addf(&out->text, "  %-24s ", text);
    if (!look->late)
        buf_addstr(&out->text, "is seen at once\n");
    else
        buf_addf(&out->text, "is seen up to %jd ms late (%d of %d times)\n",
                 (intmax_t)look->late_ms, look->late, look->rounds);
}

static void print_people(const struct check_storage_report *report, struct output *out)
{
    const struct storage_checked *checked = report->checked;

    buf_addf(&out->text, "%s on %s, as %s sees it", report->root, report->mount, checked->host);
    if (report->alone)
        buf_addstr(&out->text, " alone:\n");
    else
        buf_addf(&out->text, " with %s:\n", checked->with[0] ? checked->with : "another host");
    buf_addf(&out->text, "  %-24s %s\n", "locks", checked->locks ? "exclude" : "DO NOT EXCLUDE");
    for (int i = 0; i < STORAGE_CHANGES && !report->alone && checked->locks; i++)
        print_look(&checked->looks[i], changes[i].text, out);
    if (!report->alone && checked->locks)
        buf_addf(&out->text, "  %-24s differ by %jd ms at most\n", "the two clocks",
                 (intmax_t)checked->clock_ms);
    buf_addf(&out->text, "  %-24s differ from this clock by %jd ms\n", "times of new files",
             (intmax_t)checked->server_ms);
}

static void print_json(const struct check_storage_report *report, struct output *out)
{
    const struct storage_checked *checked = report->checked;

    json_writer_string(out->json, "root", report->root);
    json_writer_string(out->json, "mount", report->mount);
    json_writer_string(out->json, "host", checked->host);
    if (!report->alone)
        json_writer_string(out->json, "with", checked->with);
    json_writer_bool(out->json, "locks", checked->locks);
    json_writer_number(out->json, "serverClockMs", checked->server_ms);
    if (report->alone)
        return;
    json_writer_number(out->json, "clockMs", checked->clock_ms);
    json_writer_bool(out->json, "sound", report->verdict.sound);
    json_writer_array(out->json, "looks");
    for (int i = 0; i < STORAGE_CHANGES; i++) {
        json_writer_object(out->json, NULL);
        json_writer_string(out->json, "change", changes[i].key);
        json_writer_number(out->json, "rounds", checked->looks[i].rounds);
        json_writer_number(out->json, "late", checked->looks[i].late);
        json_writer_number(out->json, "lateMs", checked->looks[i].late_ms);
        json_writer_end(out->json);
    }
    json_writer_end(out->json);
    if (!report->verdict.sound)
        json_writer_string(out->json, "remedy",
                           storage_kind_remedy(report->mount) ? storage_kind_remedy(report->mount)
                                                              : "");
}

/* What follows for people. */
static void print_verdict(const struct check_storage_report *report, struct output *out)
{
    const struct storage_checked *checked = report->checked;
    char word[UUID_SIZE];

    uuid_make(word);
    if (report->alone && storage_kind_local(report->mount)) {
        buf_addstr(&out->text, "It is a file system of this host alone.\n");
    } else if (report->alone) {
        buf_addf(&out->text,
                 "Whether this host sees at once what another one does shows only with it. Run on "
                 "both:\n    berth check-storage %s --word %.8s\n",
                 report->root, word);
    } else if (report->verdict.sound) {
        buf_addf(&out->text,
                 "With shared = true in its berth.conf %s can serve this with others.\n",
                 checked->host);
    } else {
        buf_addf(&out->text,
                 "%s cannot serve this with others. What helps here, before all that uses it is "
                 "started again:\n",
                 checked->host);
        for (const char *line = storage_kind_remedy(report->mount); line && *line;) {
            size_t len = strcspn(line, "\n");
            buf_addf(&out->text, "    %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
    }
    if (!report->alone && !strcmp(checked->host, checked->with))
        buf_addf(&out->text,
                 "Both hosts are called %s: give them names of their own, under which it is noted "
                 "what they can.\n",
                 checked->host);
    else if (checked->same_kernel)
        buf_addstr(&out->text, "Both are one machine: of others this says nothing.\n");
}

int check_storage_report_print(const struct check_storage_report *report, bool json,
                               struct err *err)
{
    struct output out = {0};

    output_begin(&out, json);
    if (json) {
        print_json(report, &out);
    } else {
        print_people(report, &out);
        print_verdict(report, &out);
    }
    int printed = output_end(&out, err);
    output_free(&out);
    return printed;
}
