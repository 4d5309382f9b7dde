/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulling (OCI Distribution Specification, "Pull", end-2 and end-3). Takes no lock and writes
 * nothing, but for what a HEAD promises to somebody who may push (freshen.h), and that a tag was
 * pulled, where the rules want to know.
 */
#ifndef BERTH_REGISTRY_PULL_H
#define BERTH_REGISTRY_PULL_H

#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/registry.h"

/* What a client wants: the content, or to know of it. */
enum pull { PULL_GET, PULL_HEAD };

/* Opens a blob that the repository has; *fd is the caller's. BLOB_UNKNOWN. */
int pull_blob(const struct registry *registry, const struct name *name, const struct digest *digest,
              enum pull pull, int *fd, int64_t *size, struct err *err);

/* Whether a blob of this digest has lost its bytes, as a power cut does to other programs' files:
 * it is not there then, so that a push heals it. */
bool pull_is_emptied(const struct digest *digest, int64_t size);

/* A manifest that is longer is not kept in memory, but its file open. */
#define PULL_TEXT_MAX ((int64_t)1 << 20)

struct pulled_manifest {
    struct digest digest;
    int64_t size;     /* bytes */
    struct buf bytes; /* all of them, or, if it is longer than PULL_TEXT_MAX, none */
    bool has_file;
    int fd; /* if has_file: what is not in bytes */
    struct manifest manifest;
};
#define AUTO_PULLED __attribute__((cleanup(pull_free))) struct pulled_manifest
void pull_free(struct pulled_manifest *pulled);

/* The manifest for a client, whatever its length: one that is larger than manifest_limit, or whose
 * JSON takes more than JSON_BYTES_MAX, is looked at only for what it is (MANIFEST_TOP).
 * pulled->manifest is shrunk (manifest_shrink). Else as pull_read. */
int pull_manifest(const struct registry *registry, const struct name *name,
                  const struct reference *reference, enum pull pull, struct pulled_manifest *pulled,
                  struct err *err);

/* What the reference stands for. 0: nothing. */
int pull_resolve(const struct registry *registry, const struct name *name,
                 const struct reference *reference, struct digest *digest, struct err *err);
/* The manifest, verified against its digest and parsed, for whoever is at work here: that is no
 * pull. pull_free afterwards, unless it failed. MANIFEST_UNKNOWN; MANIFEST_TOO_LARGE: it is beyond
 * manifest_limit, or its JSON takes more than JSON_BYTES_MAX; ERR_IO if it is damaged. */
int pull_read(const struct registry *registry, const struct name *name,
              const struct reference *reference, struct pulled_manifest *pulled, struct err *err);

#endif
