/* SPDX-License-Identifier: Apache-2.0
 * L6: what `berth import` says. */
#include "admin/import_report.h"

#include "base/amount.h"
#include "base/clock.h"
#include "cli/print.h"

#include <stdio.h>

static void print_image(const struct import_done *done)
{
    char size[AMOUNT_TEXT], new[AMOUNT_TEXT];
    AUTO_BUF more = BUF_INIT;

    if (done->n_images != 1)
        buf_addf(&more, "%zu images, ", done->n_images);
    buf_addf(&more, "%zu layer%s, ", done->n_layers, done->n_layers == 1 ? "" : "s");
    if (done->n_referrers)
        buf_addf(&more, "%zu referrer%s, ", done->n_referrers, done->n_referrers == 1 ? "" : "s");
    for (size_t i = 0; i < done->n_targets; i++) {
        const struct image_name *target = &done->targets[i];
        amount_size(size, done->size);
        amount_size(new, i == 0 ? done->new_size : 0);
        printf("imported %s%s%s@%s  %s%s (%s new)\n", target->name.s, target->has_tag ? ":" : "",
               target->has_tag ? target->tag.s : "", done->digest.s, more.s, size, new);
    }
    fflush(stdout);
}

static void add_image(struct json_writer *json, const struct import_done *done)
{
    for (size_t i = 0; i < done->n_targets; i++) {
        const struct image_name *target = &done->targets[i];
        json_writer_object(json, NULL);
        json_writer_string(json, "name", target->name.s);
        json_writer_string(json, "tag", target->has_tag ? target->tag.s : NULL);
        json_writer_string(json, "digest", done->digest.s);
        json_writer_number(json, "images", (int64_t)done->n_images);
        json_writer_number(json, "layers", (int64_t)done->n_layers);
        json_writer_number(json, "referrers", (int64_t)done->n_referrers);
        json_writer_number(json, "size", done->size);
        json_writer_number(json, "newSize", i == 0 ? done->new_size : 0);
        json_writer_end(json);
    }
}

void import_report_image(void *context, const struct import_done *done)
{
    struct import_report *report = context;

    report->images++;
    report->size += done->size;
    report->new_size += done->new_size;
    watch_end(&report->watch);
    if (report->is_json)
        add_image(&report->json, done);
    else
        print_image(done);
}

void import_report_start(struct import_report *report, bool is_json)
{
    report->is_json = is_json;
    report->started = clock_seconds();
    report->json = json_writer_begin(&report->text);
    if (report->is_json) {
        json_writer_object(&report->json, NULL);
        json_writer_array(&report->json, "images");
    }
}

int import_report_end(struct import_report *report, int result, struct err *err)
{
    char size[AMOUNT_TEXT], new[AMOUNT_TEXT];
    double seconds = clock_seconds() - report->started;

    if (report->is_json) {
        json_writer_end(&report->json);
        json_writer_number(&report->json, "size", report->size);
        json_writer_number(&report->json, "newSize", report->new_size);
        json_writer_seconds(&report->json, "seconds", seconds);
        json_writer_end(&report->json);
        buf_addc(&report->text, '\n');
    } else if (result == 0) {
        amount_size(size, report->size);
        amount_size(new, report->new_size);
        buf_addf(&report->text, "%zu image%s, %s (%s new), %.1f s\n", report->images,
                 report->images == 1 ? "" : "s", size, new, seconds);
    } else {
        return result;
    }
    int printed = print_out(&report->text, result < 0 ? NULL : err);
    buf_free(&report->text);
    return result < 0 ? result : printed;
}
