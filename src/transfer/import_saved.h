/* SPDX-License-Identifier: Apache-2.0
 *
 * Images of `docker save`: a configuration and layers, without a manifest.
 */
#ifndef BERTH_TRANSFER_IMPORT_SAVED_H
#define BERTH_TRANSFER_IMPORT_SAVED_H

#include "transfer/import_plan.h"
#include "transfer/import_run.h"

/* Finds the images at a place, whose manifest.json this is. */
int import_saved_find(struct import *import, const char *prefix, const struct buf *text,
                      struct err *err);

/* Plans such an image, and makes its manifest. For that it stores layers and configuration, in the
 * repository of the first target, where nobody sees them yet. ARCHIVE_INVALID, DIGEST_INVALID. */
int import_saved_push(struct import *import, const struct import_found_image *image,
                      struct import_plan *plan, struct err *err);

#endif
