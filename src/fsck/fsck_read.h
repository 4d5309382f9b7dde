/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading manifests, whatever they are.
 */
#ifndef BERTH_FSCK_FSCK_READ_H
#define BERTH_FSCK_FSCK_READ_H

#include "fsck/fsck_run.h"
#include "oci/manifest.h"

enum fsck_content {
    FSCK_CONTENT_SOUND,
    FSCK_CONTENT_MISSING,
    FSCK_CONTENT_DAMAGED,
    FSCK_CONTENT_NO_MANIFEST, /* sound, but no manifest, or one beyond manifest_limit */
    FSCK_CONTENT_UNKNOWN,     /* unreadable or obscured */
};
/* Reads a manifest, perhaps of schema 1; with FSCK_CONTENT_SOUND manifest_free it. */
enum fsck_content fsck_read_manifest(struct fsck *fsck, const struct digest *digest,
                                     struct manifest *manifest, int64_t *size);
/* Whether a manifest's content does not have its digest. */
bool fsck_read_damaged(struct fsck *fsck, const struct digest *digest);

#endif
