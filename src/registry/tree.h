/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a manifest needs: its configuration and layers, its children and what they need, and if
 * asked for also the manifests that refer to one of them as their subject, such as signatures.
 */
#ifndef BERTH_REGISTRY_TREE_H
#define BERTH_REGISTRY_TREE_H

#include "registry/pull.h"

struct tree_entry {
    const struct digest *digest;
    struct pulled_manifest *manifest;    /* may be shrunk (manifest_shrink); NULL: a blob */
    const struct descriptor *descriptor; /* by which another manifest names it, shrunk; NULL: none
                                          * does, it is the top or a referrer */
};

/* Whether a child that a manifest of the repository names is one: what is held only as a layer is a
 * leaf (BuildKit's cache), unless it can be read as a manifest. What is missing counts as one. */
int tree_is_manifest(const struct registry *registry, const struct name *name,
                     const struct digest *child, struct err *err);

/* Whether the repository may lack it and does. */
int tree_lacks(const struct registry *registry, const struct name *name, const struct digest *child,
               struct err *err);

/* Visits each once, or twice what is one's layer and another's child; blobs before the manifest
 * that names them, children before their index, a subject before its referrers: the order in which
 * they can be stored. Until visit returns other than 0; that is then returned. A subject is not
 * needed, unless it is held only as a layer: nothing else keeps that (gc/settle.c). Blobs whose
 * content is elsewhere (`urls`) are visited too, whether the repository has them or not.
 * So is what a sparse repository lacks, as a blob. MANIFEST_UNKNOWN: a manifest is missing;
 * BLOB_UNKNOWN is visit's to say. MANIFEST_INVALID: too much is nested. Only one manifest is in
 * memory at a time: what names others is read again when they were visited. */
typedef int tree_visit_fn(void *context, const struct tree_entry *entry, struct err *err);
int tree_walk(const struct registry *registry, const struct name *name, const struct digest *digest,
              bool with_referrers, tree_visit_fn *visit, void *context, struct err *err);

#endif
