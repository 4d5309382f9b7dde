/* SPDX-License-Identifier: Apache-2.0
 *
 * What names a manifest within a repository: a tag or a digest (OCI Distribution Specification,
 * "<tag-or-digest>"), and what names one on a command line: REPOSITORY[:TAG|@DIGEST].
 */
#ifndef BERTH_OCI_REFERENCE_H
#define BERTH_OCI_REFERENCE_H

#include "oci/digest.h"
#include "oci/name.h"
#include "oci/tag.h"

struct reference {
    bool is_digest;
    struct tag tag;       /* unless is_digest */
    struct digest digest; /* if is_digest */
};

/* Anything with a colon must be a digest. DIGEST_INVALID, MANIFEST_INVALID. */
int reference_parse(struct reference *reference, const char *s, size_t len, struct err *err);
const char *reference_text(const struct reference *reference);

/* Without tag and digest the tag is "latest", as for docker. With both, the digest counts. */
int reference_parse_full(struct name *name, struct reference *reference, const char *s,
                         struct err *err);

#endif
