/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags in which clients keep what refers to a manifest: `sha256-<hex>` (OCI Distribution
 * Specification, "Referrers Tag Schema"), or as cosign has it with .sig, .att or .sbom behind it.
 */
#ifndef BERTH_TRANSFER_EXPORT_REFERRER_TAG_H
#define BERTH_TRANSFER_EXPORT_REFERRER_TAG_H

#include "oci/digest.h"
#include "oci/tag.h"

#include <stdbool.h>

bool export_referrer_tag_is(const char *tag);

/* Those that there can be for a manifest. */
#define EXPORT_REFERRER_TAGS 4
void export_referrer_tag_of(const struct digest *digest, int i, struct tag *tag);

#endif
