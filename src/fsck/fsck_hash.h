/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashing blobs, by several threads. Each thread hashes whole blobs; all that is not hashing is
 * done by the one that calls.
 */
#ifndef BERTH_FSCK_FSCK_HASH_H
#define BERTH_FSCK_FSCK_HASH_H

#include "fsck/fsck_run.h"
#include <stdatomic.h>

struct fsck_hash {
    struct digest digest; /* the name */
    struct digest actual;
    struct stat st; /* of the file that was read */
    int found;      /* 1, 0: there is none, -1: err */
    struct err err;
    bool stopped; /* before its end */
};
void fsck_hash_path(const struct store *store, const char *path, struct fsck_hash *hash,
                    const struct fsck *stop, atomic_llong *bytes);
/* Hashes blobs by several threads, and hands back the results in the order in which they came. */
struct fsck_hasher;
typedef void fsck_hashed_fn(struct fsck *fsck, void *context, const struct fsck_hash *hash);
struct fsck_hasher *fsck_hash_start(struct fsck *fsck, fsck_hashed_fn *done, void *context);
void fsck_hash_put(struct fsck_hasher *hasher, const struct digest *digest);
/* Waits for the rest. */
void fsck_hash_end(struct fsck_hasher *hasher);

#endif
