/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about manifests that subcommands share, answered by the registry's verbs.
 */
#ifndef BERTH_ADMIN_CONTENT_H
#define BERTH_ADMIN_CONTENT_H

#include "registry/pull.h"

/* Appends the tags that point at the digest. A damaged tag points at nothing. */
int content_tags(const struct store *store, const struct name *name, const struct digest *digest,
                 struct fs_names *tags, struct err *err);

/* The bytes of a manifest and of all that it refers to, through indexes too, each digest once.
 * What a child that is not in the repository would refer to isn't counted. */
int content_size(const struct store *store, const struct name *name,
                 const struct pulled_manifest *pulled, int64_t *size, struct err *err);

/* Appends "name":[...] for a list of names. */
void content_print_names(const char *key, const struct fs_names *names, struct buf *json);

#endif
