/* SPDX-License-Identifier: Apache-2.0
 *
 * All that an export will write: manifests, what they need, and under which names.
 */
#ifndef BERTH_TRANSFER_EXPORT_PLAN_H
#define BERTH_TRANSFER_EXPORT_PLAN_H

#include "oci/digest_key.h"
#include "oci/manifest.h"
#include "transfer/export_request.h"
#include "transfer/transfer.h"

#include <stdint.h>

/* An entry of index.json. */
struct export_plan_root {
    const char *repository;
    char *tag; /* NULL: none */
    struct digest digest;
    int64_t size;
    char *media_type, *artifact_type; /* artifact_type NULL: none */
    char *platform;                   /* that was chosen of an index; NULL: none was */
    bool is_image;                    /* or an index of images */
    bool is_referrer;                 /* nobody asked for it, but it refers to what was asked for */
};

/* A blob or manifest to write. */
struct export_plan_content {
    int64_t size;
    uint32_t repository;         /* one that has it: its number in plan->repositories */
    struct digest_packed digest; /* there may be a million */
    bool is_manifest;
};

/* Set to {0} but for the first two; export_plan_free afterwards. */
struct export_plan {
    const struct transfer_options *options;
    const struct export_request *request;
    struct strings repositories; /* that roots point to */
    struct export_plan_root *roots;
    size_t n_roots;
    struct export_plan_content *contents; /* each once, whatever repositories have it */
    size_t n_contents, n_manifests;       /* n_manifests: of the contents */
    struct digest_map known;              /* all digests that were met */
    struct digest_map odd;                /* those that have another size than a manifest says */
    int64_t bytes;                        /* of all contents */
    size_t left_out, elsewhere;           /* by `have`; layers with `urls` that the store lacks */
    struct digest_map lacking;            /* what a sparse repository does not have */
    size_t missing;                       /* of these: no other repository had them either */
    int64_t left_out_bytes;
};
#define AUTO_EXPORT_PLAN __attribute__((cleanup(export_plan_free))) struct export_plan
void export_plan_free(struct export_plan *plan);

/* Adds a manifest, all that it needs, and if they are asked for its referrers. tag and platform may
 * be NULL. The names of its manifests, as digests, are appended to manifests. What is added is kept
 * from the collector for as long as the grace. MANIFEST_UNKNOWN, BLOB_UNKNOWN: something that it
 * needs is not there; ERR_IO: or is damaged. */
int export_plan_add(struct export_plan *plan, const struct name *name, const char *tag,
                    const struct digest *digest, const char *platform, struct strings *manifests,
                    struct err *err);

/* In which order contents are to be written. */
enum export_plan_order {
    /* Manifests, then blobs, each sorted: readers of a stream know early what the rest is, and the
     * same content gives the same bytes. */
    EXPORT_PLAN_MANIFESTS_FIRST,
    /* Blobs, then manifests, each behind those that it names: as they can be pushed. */
    EXPORT_PLAN_MANIFESTS_LAST,
};
/* When all is added: puts everything in order, and each root once. */
void export_plan_finish(struct export_plan *plan, enum export_plan_order order);

/* Keeps the collector away from the contents behind the first `done` for longer. */
int export_plan_freshen(const struct export_plan *plan, size_t done, struct err *err);

/* Whether it is an image that can be run: an artifact has its shape, and types of its own. */
bool export_plan_is_image(const struct manifest *manifest);

#endif
