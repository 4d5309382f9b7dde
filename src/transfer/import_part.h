/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of an image: where they are in a source.
 */
#ifndef BERTH_TRANSFER_IMPORT_PART_H
#define BERTH_TRANSFER_IMPORT_PART_H

#include "transfer/import_run.h"

/* A document beside an image's files. 0: there is none. */
int import_part_document(struct import *import, const char *prefix, const char *name,
                         struct buf *text, struct err *err);
/* The name in the source under which a blob would be. */
void import_part_blob_name(const struct import_found_image *image, const struct digest *digest,
                           struct buf *name);
/* A manifest's bytes, verified: from the source, or else from the store. 0: in neither.
 * DIGEST_INVALID. */
int import_part_manifest(struct import *import, const struct import_found_image *image,
                         const struct digest *digest, struct buf *bytes, struct err *err);

/* Whether what a manifest names as its child is a manifest. 0: it is a layer (BuildKit's cache), or
 * whatever else does not parse. What is neither in the source nor in the store counts as one.
 * DIGEST_INVALID. */
int import_part_is_manifest(struct import *import, const struct import_found_image *image,
                            const struct digest *child, struct err *err);

#endif
