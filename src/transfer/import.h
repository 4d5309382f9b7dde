/* SPDX-License-Identifier: Apache-2.0
 *
 * Importing: what sources hold goes into the store, by the verbs of a push. For each source it is
 * found out what is in it (import_find.h), what that will be called (import_name.h), and then for
 * each image what it needs (import_plan.h, import_saved.h), which is pushed, tags last
 * (import_push.h). An image is there whole, or it is not there.
 *
 * What comes with digests of its own is stored byte for byte. Only layers of `docker save`, which
 * have none, are compressed.
 */
#ifndef BERTH_TRANSFER_IMPORT_H
#define BERTH_TRANSFER_IMPORT_H

#include "oci/digest.h"
#include "oci/image_name.h"
#include "pack/compress.h"
#include "transfer/source.h"
#include "transfer/transfer.h"

struct import_request {
    const char *as;              /* REPOSITORY[:TAG] instead of own names; NULL: their own */
    enum compress_kind compress; /* how layers of docker save are stored */
};

/* An image that is in the store now, with all that belongs to it. */
struct import_done {
    const struct image_name *targets; /* its names, at least one */
    size_t n_targets;
    struct digest digest;
    size_t n_images, n_layers; /* images: of an index those in it */
    size_t n_referrers;        /* that came along */
    int64_t size;              /* bytes of blobs and manifests */
    int64_t new_size;          /* of those, that the store did not have */
};
typedef void import_done_fn(void *context, const struct import_done *done);

/* Several sources, one after the other. They share what was learnt of layers. */
struct import;
struct import *import_new(const struct transfer_options *options,
                          const struct import_request *request, import_done_fn *done,
                          void *context);
/* Imports what is in it, and says each image to `done`. ARCHIVE_INVALID, DIGEST_INVALID,
 * SIZE_INVALID, MANIFEST_INVALID: the source is at fault, and is named. BLOB_UNKNOWN: parts of an
 * image are neither there nor in the store (a note says which). NAME_INVALID: of the request. What
 * was said to be done before stays. */
int import_source(struct import *import, struct source *source, struct err *err);
void import_free(struct import *import);

#endif
