/* SPDX-License-Identifier: Apache-2.0
 *
 * What somebody wants to have exported.
 */
#ifndef BERTH_TRANSFER_EXPORT_REQUEST_H
#define BERTH_TRANSFER_EXPORT_REQUEST_H

#include "oci/digest_map.h"
#include "oci/platform.h"

#include <stdbool.h>
#include <stddef.h>

struct export_request {
    /* REPOSITORY[:TAG|@DIGEST], with globs in repository and tag. */
    const char *const *references;
    size_t n_references; /* 0: all tags of all repositories */
    bool all_platforms;  /* of an index; else the one that fits this platform: */
    struct platform platform;
    bool referrers;                /* signatures, SBOMs and what else refers to it, too */
    const struct digest_map *have; /* what is there already and not to be written; NULL: nothing */
};

#endif
