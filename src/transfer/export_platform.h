/* SPDX-License-Identifier: Apache-2.0
 *
 * The images of an index by their platforms.
 */
#ifndef BERTH_TRANSFER_EXPORT_PLATFORM_H
#define BERTH_TRANSFER_EXPORT_PLATFORM_H

#include "oci/manifest.h"
#include "oci/platform.h"
#include "registry/registry.h"

struct export_platform {
    struct digest digest;
    struct platform platform;
};

/* Set to {0}; export_platform_free returns it to that state. */
struct export_platforms {
    struct export_platform *v; /* in the document's order */
    size_t n;
};
#define AUTO_EXPORT_PLATFORMS __attribute__((cleanup(export_platform_free))) struct export_platforms
void export_platform_free(struct export_platforms *platforms);

/* Lists them, also where an index is within an index. What has no platform is no image. */
int export_platform_list(const struct registry *registry, const struct name *name,
                         const struct manifest *index, struct export_platforms *platforms,
                         struct err *err);
/* Which of them fits best; of several that fit equally well the first counts, as for docker. NULL:
 * none fits. */
const struct export_platform *export_platform_best(const struct export_platforms *platforms,
                                                   const struct platform *wanted);
/* Those that fit as well as the best, and differ by os.version: with more than one somebody has to
 * choose. */
void export_platform_rivals(const struct export_platforms *platforms, const struct platform *wanted,
                            const struct export_platform *best, struct export_platforms *rivals);
/* Their texts, with commas between. */
void export_platform_texts(const struct export_platforms *platforms, struct buf *out);

#endif
