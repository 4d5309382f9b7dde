/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth fsck` says: a line for each finding, and the sum of it all.
 */
#ifndef BERTH_ADMIN_FSCK_REPORT_H
#define BERTH_ADMIN_FSCK_REPORT_H

#include "base/err.h"
#include "fsck/fsck.h"

/* Each prints a line, of JSON an object. ERR_IO. */
int fsck_report_finding(const struct fsck_finding *finding, bool json, struct err *err);
int fsck_report_summary(const struct fsck_summary *summary, double seconds, bool json,
                        struct err *err);

#endif
