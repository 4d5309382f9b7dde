/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulling (OCI Distribution Specification, "Pull", end-2 and end-3). Takes no lock and writes
 * nothing.
 */
#ifndef BERTH_REGISTRY_PULL_H
#define BERTH_REGISTRY_PULL_H

#include "oci/manifest.h"
#include "oci/reference.h"
#include "store/store.h"

/* Opens a blob that the repository has; *fd is the caller's. BLOB_UNKNOWN. */
int pull_blob(const struct store *store, const struct name *name, const struct digest *digest,
              int *fd, int64_t *size, struct err *err);
struct pulled_manifest {
    struct digest digest;
    struct buf bytes;
    struct manifest manifest;
};
#define AUTO_PULLED __attribute__((cleanup(pulled_manifest_free))) struct pulled_manifest
void pulled_manifest_free(struct pulled_manifest *pulled);

/* What the reference stands for. 0: nothing. */
int pull_resolve(const struct store *store, const struct name *name,
                 const struct reference *reference, struct digest *digest, struct err *err);
/* The manifest, verified against its digest and parsed. MANIFEST_UNKNOWN; ERR_IO if it is damaged.
 */
int pull_manifest(const struct store *store, const struct name *name,
                  const struct reference *reference, struct pulled_manifest *pulled,
                  struct err *err);

#endif
