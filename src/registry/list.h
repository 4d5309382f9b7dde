/* SPDX-License-Identifier: Apache-2.0
 *
 * Listings (OCI Distribution Specification, "Content Discovery": end-8a, end-8b, end-12a, end-12b;
 * `_catalog` is CNCF Distribution's).
 */
#ifndef BERTH_REGISTRY_LIST_H
#define BERTH_REGISTRY_LIST_H

#include "base/json_each.h"
#include "base/json_writer.h"
#include "base/names.h"
#include "base/strings.h"
#include "registry/registry.h"

#include <stdbool.h>
#include <stdint.h>

/* Which part of a listing. */
struct page {
    const char *last; /* begin behind this one; NULL: at the start */
    int64_t n;        /* at most so many entries */
};

/* *more: there are entries behind the page. */

/* The tags, in byte order. NAME_UNKNOWN if there is no such repository. A page looks at no more
 * tags than it holds; all of them are in little memory. */
int list_tags(const struct registry *registry, const struct name *name, struct page page,
              struct strings *tags, bool *more, struct err *err);
int list_all_tags(const struct registry *registry, const struct name *name, struct names *tags,
                  struct err *err);

/* The tags that point at the digest, in byte order. A tag whose link is damaged points at nothing;
 * one that cannot be read is an error. */
int list_tags_of(const struct registry *registry, const struct name *name,
                 const struct digest *digest, struct strings *tags, struct err *err);

/* The repositories that hold a manifest and that the rules list, in the order of repo_walk. */
int list_repositories(const struct registry *registry, struct page page, struct strings *names,
                      bool *more, struct err *err);

/* The manifests whose subject this is, also of those that other registries' clients left in the tag
 * `<algorithm>-<hex>`: writes their descriptors into the list that json stands in. With an
 * artifact_type only those that have it. page.last is a digest; a page also ends where it grows
 * beyond 4 MiB. *last is the last entry's digest. An unknown subject, or repository, has none. */
int list_referrers(const struct registry *registry, const struct name *name,
                   const struct digest *subject, const char *artifact_type, struct page page,
                   struct json_writer *json, struct digest *last, bool *more, struct err *err);

/* Visits the descriptor of each, however many there are, with one of them in memory. Other than 0:
 * enough, with *err set. */
int list_referrers_each(const struct registry *registry, const struct name *name,
                        const struct digest *subject, json_each_fn *visit, void *context,
                        struct err *err);

/* Visits the digests of all blobs and manifests that some repository has and whose content is
 * there, in byte order, until visit returns other than 0 (1: enough, -1: failed). Needs up to 50
 * bytes of memory for each. */
typedef int list_visit_digest_fn(void *context, const struct digest *digest, struct err *err);
int list_digests(const struct registry *registry, list_visit_digest_fn *visit, void *context,
                 struct err *err);

#endif
