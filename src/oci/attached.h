/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags that belong to a manifest, since clients keep in them what refers to it. They are there for
 * as long as it is, and go, are copied and are exported with it. These are all:
 *
 *   <algorithm>-<hex>   the index of its referrers, of clients of a registry that has no such list;
 *                       hex ends after 64 digits (OCI Distribution Specification, "Referrers Tag
 *                       Schema")
 *   sha256-<hex>.sig    cosign's signatures,
 *   sha256-<hex>.att    attestations,
 *   sha256-<hex>.sbom   and SBOMs; a tag has no room for those of a sha512
 *
 * Every other tag stands for itself, however it begins. So does one of these that points at the
 * very manifest that it names: somebody wanted to keep that.
 */
#ifndef BERTH_OCI_ATTACHED_H
#define BERTH_OCI_ATTACHED_H

#include "oci/digest.h"
#include "oci/tag.h"

enum attached_kind {
    ATTACHED_REFERRERS,
    ATTACHED_SIGNATURE,
    ATTACHED_ATTESTATION,
    ATTACHED_SBOM,
    ATTACHED_KINDS,
};

/* What such a tag says. */
struct attached {
    enum attached_kind kind;
    enum digest_algorithm algorithm;
    char hex[64 + 1]; /* of the manifest's digest: all of it, or its beginning */
};

/* False: the tag is none of these. */
bool attached_parse(struct attached *attached, const char *tag);
/* Whether it belongs to a manifest of this digest. */
bool attached_is_of(const struct attached *attached, const struct digest *manifest);

/* The tag of this kind that belongs to the manifest. False: there can be none. */
bool attached_tag(struct tag *tag, const struct digest *manifest, enum attached_kind kind);

#endif
