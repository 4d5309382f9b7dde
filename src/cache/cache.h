/* SPDX-License-Identifier: Apache-2.0
 *
 * The pull-through cache: what is to be pulled from a repository of an upstream is brought here
 * first, and pulled then as from any other (registry/pull.h). Each verb does nothing for a
 * repository that is nobody's but ours. Access is the caller's to check.
 *
 * What needs the upstream is done by berth-fetch (job.h), of which one asks for each thing at a
 * time while others wait for its answer; what waits, or is sent while it comes, is bounded for each
 * host.
 *
 * Errors: those of remote/remote.h, with the upstream's name and its reason; MANIFEST_UNKNOWN,
 * BLOB_UNKNOWN; NAME_UNKNOWN: the table does not let this be asked for; CACHE_BUSY: too many wait.
 */
#ifndef BERTH_CACHE_CACHE_H
#define BERTH_CACHE_CACHE_H

#include "cache/fill.h"
#include "cache/upstream.h"
#include "oci/reference.h"
#include "registry/pull.h"
#include "registry/registry.h"

#define CACHE_MISSING_SECONDS 10 /* for which it is remembered that there is none */

struct cache {
    const struct registry *registry;
    const struct upstream_settings *upstreams;
    const char *config; /* for berth-fetch; NULL: the usual one */
    int64_t streams;    /* that many may wait for upstreams at once */
};

/* Brings a manifest, or finds that what is here is still right. *is_stale: the upstream did not
 * say so, but what is here may be served. */
int cache_manifest(const struct cache *cache, const struct name *name,
                   const struct reference *reference, bool *is_stale, struct err *err);

enum cache_found {
    CACHE_HERE,   /* pull it; or that says that it is not there */
    CACHE_THERE,  /* size says how long it is at the upstream: for HEAD, which brings nothing */
    CACHE_COMING, /* cache_blob_read has it as it comes */
};

struct cache_blob {
    enum cache_found found;
    int64_t size; /* bytes, unless it is here */
    struct name name;
    struct fill fill; /* of which some refers to this very struct */
    int slot;
};

/* Brings a blob, or begins to. One that is coming stays where it is, for it refers to itself and to
 * the configuration, until cache_blob_free; others need none. */
int cache_blob(const struct cache *cache, const struct name *name, const struct digest *digest,
               enum pull pull, struct cache_blob *blob, struct err *err);
/* As fill_read. */
ssize_t cache_blob_read(struct cache_blob *blob, void *bytes, size_t len, int64_t off,
                        int timeout_ms, struct err *err);
void cache_blob_free(struct cache_blob *blob);

/* Lists (OCI Distribution Specification, "Content Discovery"), as the upstream has them: verb
 * "tags" with what "", a tag a line in byte order; "referrers" with the digest of a subject, an
 * index. 1: text is that. 0: what is here has to do, and *is_stale says whether the upstream
 * failed. */
#define CACHE_LIST_MAX ((size_t)64 << 20)
#define CACHE_LISTS "lists" /* of place_mark */
int cache_list(const struct cache *cache, const struct name *name, const char *verb,
               const char *what, struct buf *text, bool *is_stale, struct err *err);

#endif
