/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth import` says: each image when it is there, and a summary; or all of it as JSON, at
 * the end.
 */
#ifndef BERTH_ADMIN_IMPORT_REPORT_H
#define BERTH_ADMIN_IMPORT_REPORT_H

#include "admin/watch.h"
#include "base/json_writer.h"
#include "transfer/import.h"

/* Set to {0}. */
struct import_report {
    struct watch watch; /* the bars give way to what is printed */
    bool is_json;
    size_t images;
    int64_t size, new_size;
    double started;
    struct buf text; /* of JSON */
    struct json_writer json;
};

void import_report_start(struct import_report *report, bool is_json);
/* An import_done_fn; context is the report. */
void import_report_image(void *context, const struct import_done *done);
/* result: of the import, which is returned, unless printing fails. */
int import_report_end(struct import_report *report, int result, struct err *err);

#endif
