/* SPDX-License-Identifier: Apache-2.0
 *
 * Exporting: a plan is made of all that a request asks for (export_select.h, export_plan.h), and
 * then written (export_write.h) to an output, as an OCI image layout (export_index.h).
 */
#ifndef BERTH_TRANSFER_EXPORT_H
#define BERTH_TRANSFER_EXPORT_H

#include "transfer/export_write.h"

/* plan: set to {0}, but for options and request; afterwards it says what was written, until
 * export_plan_free. Errors as export_select and export_write. */
int export_run(struct export_plan *plan, struct output *output, struct export_write *written,
               struct err *err);

#endif
