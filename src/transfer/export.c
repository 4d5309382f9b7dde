/* SPDX-License-Identifier: Apache-2.0
 * L4: export: the steps, one after the other. */
#include "transfer/export.h"

#include "transfer/export_select.h"

int export_run(struct export_plan *plan, struct output *output, struct export_write *written,
               struct err *err)
{
    if (export_select(plan, err) < 0)
        return -1;
    export_plan_finish(plan, output->kind->order);
    return export_write(plan, output, written, err);
}
