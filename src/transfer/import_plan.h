/* SPDX-License-Identifier: Apache-2.0
 *
 * All that an image needs, and where it is.
 */
#ifndef BERTH_TRANSFER_IMPORT_PLAN_H
#define BERTH_TRANSFER_IMPORT_PLAN_H

#include "oci/digest_map.h"
#include "transfer/import_run.h"

struct import_plan_blob {
    struct digest digest;
    int64_t size;
    bool in_store;
    bool elsewhere; /* its descriptor says where (`urls`), and it is nowhere here */
};

/* In the order in which it can be stored. */
struct import_plan {
    struct import_plan_blob *blobs;
    size_t n_blobs;
    struct digest *manifests; /* those that refer to one of the others come behind it */
    size_t n_manifests;
    struct digest top;
    struct buf made; /* the bytes of top, if they are in neither the source nor the store */
    size_t n_layers, n_images, n_referrers;
    int64_t size; /* of blobs and manifests */
    struct digest_map seen;
};
#define AUTO_IMPORT_PLAN __attribute__((cleanup(import_plan_free))) struct import_plan
void import_plan_free(struct import_plan *plan);
void import_plan_add_blob(struct import_plan *plan, const struct import_plan_blob *blob);
void import_plan_add_manifest(struct import_plan *plan, const struct digest *digest);

/* Collects what is needed, and makes sure that all of it is in the source or in the store. Stores
 * nothing. BLOB_UNKNOWN: something is missing, a note lists it. Where all of its targets are
 * sparse, it is noted alone. */
int import_plan_make(struct import *import, const struct import_found_image *image,
                     struct import_plan *plan, struct err *err);

#endif
