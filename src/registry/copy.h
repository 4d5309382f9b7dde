/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying a manifest with all that it needs into another repository, without copying content: the
 * other repository gets links. Nothing of it is visible under its tag before all is there.
 */
#ifndef BERTH_REGISTRY_COPY_H
#define BERTH_REGISTRY_COPY_H

#include "oci/tag.h"
#include "registry/tree.h"

/* One thing that is done. tag: set for a tag, NULL for a blob or a manifest. */
struct copy_step {
    const struct digest *digest;
    bool is_manifest;
    const struct tag *tag;
    const struct digest *moved_from; /* where the tag pointed before; NULL: it is new, or stays */
};

struct copy {
    struct name from, to;  /* the same: only the tag is set */
    struct digest digest;  /* what `from` has */
    const struct tag *tag; /* NULL: the copy is known by its digest alone, and the collector takes
                            * it when its grace is over */
    bool referrers;        /* with those that name it or a part of it as their subject, and the tags
                            * that belong to them (oci/attached.h) */
    void (*done)(void *context, const struct copy_step *step); /* NULL: nobody wants to know */
    /* A manifest, as other programs took it, says another size than its content has. It is copied
     * as it is. NULL: nobody wants to know. */
    void (*odd_size)(void *context, const struct descriptor *descriptor, int64_t size);
    void *context;
};

/* Blobs are linked and freshened as by push_mount, each manifest is pushed as by push_manifest,
 * under their locks and with their order of durability; the tag comes last. Tags that exist are
 * moved, immutable ones too. MANIFEST_UNKNOWN, BLOB_UNKNOWN (by its name), and push_manifest's. */
int copy_manifest(const struct registry *registry, const struct copy *copy, struct err *err);

#endif
