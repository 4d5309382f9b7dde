/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories of skopeo: an image, with its manifest and blobs beside each other.
 */
#ifndef BERTH_TRANSFER_IMPORT_SKOPEO_H
#define BERTH_TRANSFER_IMPORT_SKOPEO_H

#include "transfer/import_run.h"

/* Finds the image at a place, whose manifest.json this is. */
int import_skopeo_find(struct import *import, const char *prefix, const struct buf *text,
                       struct err *err);

#endif
