/* SPDX-License-Identifier: Apache-2.0
 *
 * One layer of `docker save` on its way into the store: as tar, or as some tools have it
 * compressed already.
 */
#ifndef BERTH_TRANSFER_IMPORT_LAYER_H
#define BERTH_TRANSFER_IMPORT_LAYER_H

#include "transfer/import_run.h"

/* Stores the file, compressed unless it is already, and checks that what it holds has the digest
 * diff_id: else nothing is stored. *layer says what it became. ARCHIVE_INVALID, DIGEST_INVALID. */
int import_layer_push(struct import *import, const char *name, const struct source_file *file,
                      const struct digest *diff_id, const struct name *repository,
                      struct import_run_layer *layer, struct err *err);

#endif
