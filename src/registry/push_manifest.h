/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushing manifests (OCI Distribution Specification, "Pushing Manifests", end-7a and end-7b).
 */
#ifndef BERTH_REGISTRY_PUSH_MANIFEST_H
#define BERTH_REGISTRY_PUSH_MANIFEST_H

#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/tag.h"
#include "registry/freshen.h"
#include "registry/precondition.h"
#include "registry/registry.h"

struct push_manifest {
    struct name name;
    struct reference reference;
    const struct tag *tags; /* more tags, for a reference by digest */
    size_t n_tags;
    const char *bytes; /* stored exactly as they are; NULL: they are all that is in fd */
    int fd;
    size_t len;
    const char *content_type; /* without parameters; NULL: none was sent */
    struct precondition precondition;
    bool is_stored; /* it comes from this store: what was accepted once is not judged anew */
    bool only_tags; /* the repository has it already, and nobody is told of it again */
};

struct pushed_manifest {
    struct freshen_missing missing; /* of MANIFEST_BLOB_UNKNOWN; else empty */
    struct digest digest;
    bool has_subject;
    struct digest subject;
};

/* Stores it, links it into the repository and into the referrers of its subject, and sets its tags,
 * in this order and durably. Takes its locks. MANIFEST_INVALID, DIGEST_INVALID (the reference is
 * another digest), MANIFEST_BLOB_UNKNOWN (something that it refers to is not in the repository),
 * PRECONDITION, DENIED (the rules do not let a tag be moved). */
int push_manifest(const struct registry *registry, const struct push_manifest *push,
                  struct pushed_manifest *pushed, struct err *err);

#endif
