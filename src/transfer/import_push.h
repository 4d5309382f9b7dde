/* SPDX-License-Identifier: Apache-2.0
 *
 * Into the store, by the verbs of a push.
 */
#ifndef BERTH_TRANSFER_IMPORT_PUSH_H
#define BERTH_TRANSFER_IMPORT_PUSH_H

#include "transfer/import_plan.h"

/* Puts a planned image under its targets, the tags when all else is there. */
int import_push_image(struct import *import, const struct import_found_image *image,
                      const struct import_plan *plan, struct err *err);

#endif
