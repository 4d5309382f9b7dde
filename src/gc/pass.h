/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass of the collector over a store: what all parts of it know.
 *
 * Who calls whom, and nobody back: gc - ahead - settle, sweep; settle - scan - graph; sweep -
 * settle, tidy; tidy - uploads; gc - blobs, fetches; all of them hold, and pass.
 */
#ifndef BERTH_GC_PASS_H
#define BERTH_GC_PASS_H

#include "base/strings.h"
#include "gc/gc.h"
#include "gc/hold.h"
#include "oci/digest_map.h"

struct pass {
    const struct store *store;
    const struct gc_options *options;
    struct gc_totals *totals;
    int64_t began;             /* ns, by the clock of the store's file system */
    int64_t late;              /* ns by which what is seen here may be late (storage/storage.h) */
    struct digest_map marked;  /* blobs that stay */
    struct digest_map waiting; /* and those that do as long as something is young, unless marked */
    bool blocked;              /* not all that stays is marked: no blob may go */
    struct hold hold;
    struct buf untold; /* what went, and is not on disk yet: see pass_went */
};

/* Begins it, now. pass_end afterwards, also after an error. */
int pass_begin(struct pass *pass, const struct store *store, const struct gc_options *options,
               struct gc_totals *totals, struct err *err);
void pass_end(struct pass *pass);

/* Tells of something that stands in the way; name may be NULL. */
void pass_problem(struct pass *pass, const struct name *name, const char *message);
/* Tells that something goes. */
void pass_removes(const struct pass *pass, const struct gc_item *item);
/* Remembers for the observer that something went. tag may be NULL, digest too. */
void pass_went(struct pass *pass, enum event_what what, const struct name *name, const char *tag,
               const struct digest *digest);
/* Sees to it that all names that went are so on disk, and tells the observer. */
int pass_settle(struct pass *pass, struct err *err);

/* How old (seconds) something of this mtime (ns) was when the pass began. */
int64_t pass_age(const struct pass *pass, int64_t mtime);
/* Whether it was older than grace (seconds, -1: for ever) then, though it may be seen late. */
bool pass_is_old(const struct pass *pass, const struct stat *st, int64_t grace);
/* Notes that something of this mtime waits for that grace. */
void pass_waits(struct pass *pass, int64_t mtime, int64_t grace);
/* The time (ns) before which that is so. */
int64_t pass_before(const struct pass *pass, int64_t grace);

#endif
