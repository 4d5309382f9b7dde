/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth check-storage` says.
 */
#ifndef BERTH_ADMIN_CHECK_STORAGE_REPORT_H
#define BERTH_ADMIN_CHECK_STORAGE_REPORT_H

#include "storage/storage_check.h"

struct check_storage_report {
    const char *root, *mount; /* mount: as of storage_mount */
    const struct storage_checked *checked;
    struct storage verdict;
    bool alone; /* without another host */
};

int check_storage_report_print(const struct check_storage_report *report, bool json,
                               struct err *err);

#endif
