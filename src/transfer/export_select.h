/* SPDX-License-Identifier: Apache-2.0
 *
 * Which manifests the names in a request stand for.
 */
#ifndef BERTH_TRANSFER_EXPORT_SELECT_H
#define BERTH_TRANSFER_EXPORT_SELECT_H

#include "transfer/export_plan.h"

/* Adds to the plan what the request asks for. Of an index that has no image for the platform it is
 * asked which one to take, where it was named without a glob; else it is left out, with a note. The
 * same holds where several fit that differ by os.version.
 * MANIFEST_UNKNOWN (also where there is no such repository), NOT_FOUND (a glob matches nothing, no
 * image for the platform), USAGE, ERR_IO: something of it is missing or damaged. */
int export_select(struct export_plan *plan, struct err *err);

#endif
