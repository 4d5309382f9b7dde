/* SPDX-License-Identifier: Apache-2.0
 *
 * Which repositories have a blob, found without a walk: what a mount without `from` asks (OCI
 * Distribution Specification, "Mounting a blob from another repository").
 *
 * It is a memory of links that were made, kept in 4096 files of lines that are only ever added to.
 * A line may be stale, torn by a crash, or missing after a spell under Distribution; so nothing is
 * believed before the link itself was looked at, and fsck --repair and the collector add what is
 * missing. Nothing of it is synced.
 */
#ifndef BERTH_STORE_HOLDER_H
#define BERTH_STORE_HOLDER_H

#include "oci/digest_key.h"
#include "store/store.h"

#define HOLDER_SHARDS 4096

/* Notes that a repository has a blob. Wants lock_gc shared. */
int holder_note(const struct store *store, const struct name *name, const struct digest *digest,
                struct err *err);

/* A repository that has the blob now, and of which may (NULL: any) says that it may be the answer;
 * it is asked first. 0: none is known, also where what was noted cannot be read, or is too much. */
typedef bool holder_may_fn(void *context, const struct name *name);
int holder_find(const struct store *store, const struct digest *digest, holder_may_fn *may,
                void *context, struct name *holder, struct err *err);

/* Whether all links that were there when it was said are noted, so that who is not found need not
 * be searched for. */
int holder_is_complete(const struct store *store, struct err *err);
int holder_set_complete(const struct store *store, struct err *err);

/* Drops the lines of blobs that keep says nothing is left of, if they are many. Wants lock_gc
 * exclusive. shard: below HOLDER_SHARDS. */
typedef bool holder_keep_fn(void *context, const struct digest_key *key);
int holder_prune(const struct store *store, int shard, holder_keep_fn *keep, void *context,
                 struct err *err);

#endif
