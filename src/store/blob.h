/* SPDX-License-Identifier: Apache-2.0
 *
 * Blobs: content under its digest, shared by all repositories. That a blob is there says nothing
 * about who may have it: a repository has it by a link (repo.h). Publishing wants lock_gc shared.
 */
#ifndef BERTH_STORE_BLOB_H
#define BERTH_STORE_BLOB_H

#include "oci/manifest.h"
#include "store/store.h"

/* 1 with its size in bytes, or 0. */
int blob_stat(const struct store *store, const struct digest *digest, int64_t *size,
              struct err *err);
/* Opens it for reading; *fd is the caller's. */
int blob_open(const struct store *store, const struct digest *digest, int *fd, int64_t *size,
              struct err *err);

/* Reads a manifest and parses it as one that is stored, within json_max bytes of memory; *size
 * (may be NULL) is its length. Of more than size_max bytes it is an ERR_MANIFEST_TOO_LARGE, also if
 * it is none. 0: there is no such blob. ERR_IO: it does not have this digest. MANIFEST_INVALID: it
 * is no manifest. */
int blob_parse_manifest(const struct store *store, const struct digest *digest, int64_t size_max,
                        size_t json_max, struct manifest *manifest, int64_t *size, struct err *err);
/* Reads the bytes of a manifest, of at most the store's manifest_limit; the same, unparsed. */
int blob_read_manifest(const struct store *store, const struct digest *digest, struct buf *bytes,
                       struct err *err);
/* The digest of an open file's first size bytes, which are read piece by piece. */
int blob_digest(int fd, int64_t size, enum digest_algorithm algorithm, struct digest *digest,
                struct err *err);
/* Whether its content has its digest: all of it is read. 0: it does not, or there is none. */
int blob_verify(const struct store *store, const struct digest *digest, struct err *err);
/* Whether it begins as a manifest does, so that what is none need not be read. 0: also if there is
 * no such blob. */
int blob_may_be_manifest(const struct store *store, const struct digest *digest, struct err *err);

/* Renames a file with verified and fsynced content, within the store, over whatever is there: a
 * damaged blob heals. */
int blob_publish_file(const struct store *store, const struct digest *digest, const char *from,
                      struct dirty *dirty, struct err *err);
/* The same of one that was prepared. */
int blob_place(const struct digest *digest, struct fs_new *file, struct dirty *dirty,
               struct err *err);

/* What has to be synced before somebody names it, as fs_settle. */
int blob_settle(const struct store *store, const struct digest *digest, struct dirty *dirty,
                struct err *err);
/* As store_freshen and store_is_stale. */
int blob_freshen(const struct store *store, const struct digest *digest, struct err *err);
int blob_is_stale(const struct store *store, const struct digest *digest, struct err *err);

/* Visits the blobs of one algorithm in the order of their digests until visit returns other than 0
 * (1: enough, -1: failed). Memory does not grow with their number. */
typedef int blob_visit_fn(void *context, const struct digest *digest, int64_t size,
                          struct err *err);
int blob_walk(const struct store *store, enum digest_algorithm algorithm, blob_visit_fn *visit,
              void *context, struct err *err);

#endif
