/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth export` says at its end: what was written, and where (path; NULL: standard output).
 */
#ifndef BERTH_ADMIN_EXPORT_REPORT_H
#define BERTH_ADMIN_EXPORT_REPORT_H

#include "transfer/export.h"

void export_report_text(const struct export_plan *plan, const struct export_write *written,
                        struct buf *out);
void export_report_json(const struct export_plan *plan, const struct export_write *written,
                        const char *path, struct buf *out);

#endif
