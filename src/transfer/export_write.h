/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing what was planned.
 */
#ifndef BERTH_TRANSFER_EXPORT_WRITE_H
#define BERTH_TRANSFER_EXPORT_WRITE_H

#include "transfer/output.h"

struct export_write {
    size_t manifests, blobs, present; /* present: were there already */
    int64_t bytes;
};
/* Writes the plan, hashing each content, and keeps the collector away as long as it takes. ERR_IO:
 * one is damaged. */
int export_write(const struct export_plan *plan, struct output *output,
                 struct export_write *written, struct err *err);

#endif
