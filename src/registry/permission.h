/* SPDX-License-Identifier: Apache-2.0
 *
 * What the caller of a verb may see and change beyond the repository that he names. The verbs ask,
 * whoever calls them knows; a NULL function permits everything.
 */
#ifndef BERTH_REGISTRY_PERMISSION_H
#define BERTH_REGISTRY_PERMISSION_H

#include "oci/name.h"

#include <stdbool.h>

/* Which repositories a listing shows and a mount may take from. */
struct name_filter {
    bool (*admits)(const void *context, const struct name *name);
    const void *context;
};

/* Which tags may be moved or deleted once they exist. It is asked under the repository's lock. */
struct tag_guard {
    bool (*may_move)(const void *context, const struct name *name, const struct tag *tag);
    const void *context;
};

#endif
