/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing names (OCI Distribution Specification, "Content Management", end-9 and end-10). The
 * content itself is the collector's. These functions take the locks that they need, and what they
 * acknowledge is durable.
 */
#ifndef BERTH_REGISTRY_REMOVE_H
#define BERTH_REGISTRY_REMOVE_H

#include "base/strings.h"
#include "oci/reference.h"
#include "registry/precondition.h"
#include "registry/registry.h"

/* A tag: that alone. A digest: the manifest and all tags that point at it; their names are appended
 * to *removed_tags (may be NULL). MANIFEST_UNKNOWN, PRECONDITION, DENIED (the rules do not let
 * one of the tags go, or an immutable one needs the manifest; then all stay), BUSY (it is pushed
 * again all the while). Nobody waits until the tags are found: the locks are held for moments. So
 * an error may come when some of the tags are gone, durably, as the events and *removed_tags say:
 * BUSY, ERR_IO, and DENIED if the tag that has to stay, or needs the manifest, was set meanwhile.
 * The manifest is there then, and removing it again goes on from there. */
int remove_manifest(const struct registry *registry, const struct name *name,
                    const struct reference *reference, struct precondition precondition,
                    struct strings *removed_tags, struct err *err);

/* A manifest of which the caller found that nobody needs it, if that still holds and it has no tag
 * (DENIED), with the tags of its signatures, which point at others. Holds back all that renews what
 * a client relies on (freshen.h) meanwhile. MANIFEST_UNKNOWN, PRECONDITION. */
int remove_unused(const struct registry *registry, const struct name *name,
                  const struct digest *digest, struct precondition precondition,
                  const struct strings *signatures, struct err *err);
/* A whole repository: its tags and manifests at once, then its links to blobs, its referrers and
 * the upload sessions to which nobody is writing just now, and the directories that are empty then.
 * Repositories below it stay, and immutable tags are no hindrance. A push that is under way ends
 * either whole or with an error that says what is missing. *busy_uploads: how many sessions stay.
 * NAME_UNKNOWN. An error after the first step leaves a repository without content; removing it
 * again goes on from there. */
int remove_repository(const struct registry *registry, const struct name *name,
                      size_t *busy_uploads, struct err *err);

/* The repository's link to a blob. BLOB_UNKNOWN, DENIED (an immutable tag needs it). */
int remove_blob(const struct registry *registry, const struct name *name,
                const struct digest *digest, struct err *err);

#endif
