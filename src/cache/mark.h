/* SPDX-License-Identifier: Apache-2.0
 *
 * What all processes know of upstreams, by the times of small files: when a tag was looked at last,
 * what was not there, and until when an upstream is left alone. Nothing of it is synced, and nobody
 * fails for it: where it cannot be read, nothing is known.
 *
 * And who is asking about what: one flight at a time for each thing, by locks on the bytes of one
 * file, which end with the process.
 */
#ifndef BERTH_CACHE_MARK_H
#define BERTH_CACHE_MARK_H

#include "cache/upstream.h"
#include "store/store.h"

enum mark {
    MARK_CHECKED, /* the upstream said what it is */
    MARK_MISSING, /* or that there is none */
};

/* By what a thing goes in marks and flights: what is asked for by the verb (job.h) of a repository,
 * by its name here. */
struct mark_key {
    char s[NAME_LEN_MAX + sizeof(struct digest) + 32];
};
const char *mark_key(struct mark_key *key, const char *verb, const char *name, const char *what);

/* How many seconds ago that was; -1: never, or it is not known. */
int64_t mark_age(const struct store *store, enum mark mark, const struct upstream *upstream,
                 const char *key);
/* Whether that was within so many seconds. */
bool mark_is_fresh(const struct store *store, enum mark mark, const struct upstream *upstream,
                   const char *key, int64_t seconds);
void mark_set(const struct store *store, enum mark mark, const struct upstream *upstream,
              const char *key);
void mark_clear(const struct store *store, enum mark mark, const struct upstream *upstream,
                const char *key);

/* For how many seconds more an upstream is to be left alone; 0: it is not. why (may be NULL): is
 * appended to. */
int64_t mark_blocked(const struct store *store, const struct upstream *upstream, struct buf *why);
/* Until when is seconds since 1970. */
void mark_block(const struct store *store, const struct upstream *upstream, int64_t until,
                const char *why);

/* Takes the flight of the key within timeout_ms: 1, and *fd holds it until fs_lock_close, or, once
 * it was handed to another process, until that ends; 0: somebody else has it. *waited: somebody
 * else had it before. */
int mark_flight(const struct store *store, const struct upstream *upstream, const char *key,
                int timeout_ms, int *fd, bool *waited, struct err *err);
/* Takes one of n places of this host for what waits for an upstream: 1 with *fd, or 0. */
int mark_slot(const struct store *store, int64_t n, int *fd, struct err *err);
/* The same for fills from one upstream, waiting as long as it takes. */
int mark_connection(const struct store *store, const struct upstream *upstream, int *fd,
                    struct err *err);

#endif
