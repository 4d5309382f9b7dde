/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client demands of a tag or manifest before it is changed (RFC 9110, section 13: If-Match,
 * If-None-Match). It is asked under the repository's lock, so that of several writers one wins.
 */
#ifndef BERTH_REGISTRY_PRECONDITION_H
#define BERTH_REGISTRY_PRECONDITION_H

#include "oci/digest.h"

#include <stdbool.h>

struct precondition {
    /* Whether it holds while the reference stands for `current` (NULL: for nothing). A NULL
     * function always holds. */
    bool (*holds)(const void *context, const struct digest *current);
    const void *context;
};

#endif
