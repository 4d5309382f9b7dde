/* SPDX-License-Identifier: Apache-2.0
 *
 * What the images of a source will be called.
 */
#ifndef BERTH_TRANSFER_IMPORT_NAME_H
#define BERTH_TRANSFER_IMPORT_NAME_H

#include "transfer/import_run.h"

/* Gives each image its targets, by the names in the source or by the request. ARCHIVE_INVALID where
 * that is not possible: a note lists the images. */
int import_name_all(struct import *import, struct err *err);

/* The targets by name, and in it by tag: pointers to them, which the caller frees. */
struct image_name **import_name_order(const struct import_found_image *image);

#endif
