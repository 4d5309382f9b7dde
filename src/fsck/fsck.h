/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking a store, and mending what can be mended, while it is being served.
 *
 * Checks take no lock. Names are made after content and removed before it, so a name without
 * content is looked at again, under lock_gc and lock_repo for as long as a few look-ups take,
 * before it is reported: pushes, deletions and collections never cause a finding. Without `repair`
 * nothing is written to the store, not even a lock's file.
 *
 * Repairs take the locks too, look again under them, are durable, and may be cut short anywhere:
 * what is not mended yet is found again. Nothing is removed but old half-written uploads; what has
 * to get out of the way is moved into quarantine (quarantine.h). What is reachable and sound is not
 * moved.
 *
 * Nothing that is read stops a check: what cannot be read is a finding of its own.
 */
#ifndef BERTH_FSCK_FSCK_H
#define BERTH_FSCK_FSCK_H

#include "base/progress.h"
#include "fsck/fsck_code.h"
#include "store/store.h"

#include <stdatomic.h>

struct fsck_finding {
    enum fsck_code code;
    const char *path;         /* below the store; NULL: it is about repository@digest */
    const char *repository;   /* NULL: of none */
    const char *digest;       /* NULL: of none */
    const char *message;      /* what is wrong */
    const char *repaired;     /* what was done; NULL: nothing */
    const char *not_repaired; /* why a repair failed; NULL: it did not, or was not asked for */
};
typedef void fsck_report_fn(void *context, const struct fsck_finding *finding);

struct fsck_options {
    bool fast;     /* hash no blobs, other than those that look wrong */
    bool repair;   /* mend */
    int jobs;      /* blobs that are hashed at the same time, at least 1 */
    int64_t grace; /* seconds; uploads that are younger may be half-written */
    /* Whether a repository's manifests may name what it does not have; NULL: none's may. */
    bool (*may_lack)(const void *rules, const struct name *name);
    const void *rules;
    const char *state; /* a file: go on from it, and write it; NULL: none */
    const struct progress *items, *bytes;
    const atomic_bool *stop; /* true: end soon; its threads ask, too; NULL: never */
};

struct fsck_summary {
    int64_t repositories, manifests, blobs;
    int64_t hashed, hashed_bytes; /* in this run */
    int64_t skipped;              /* blobs that an earlier run has hashed, see state */
    int64_t errors, warnings;     /* findings */
    int64_t notes;                /* that are no faults */
    int64_t repaired;             /* of these */
    int64_t lost;                 /* of the repaired: the content has to be pushed again */
    int64_t awaited;              /* content that is missing and was reported when it was noted */
    bool stopped;
};

struct fsck;
/* store: open, perhaps by store_open_any. */
struct fsck *fsck_start(struct store *store, const struct fsck_options *options,
                        fsck_report_fn *report, void *context);
/* Modes and owners. Only root can mend the latter; makes no file, so that root may call it. */
void fsck_files(struct fsck *fsck);
/* All the rest, as the owner of the store. -1: it cannot be checked at all (a newer version of the
 * store, a state file of another run). */
int fsck_content(struct fsck *fsck, struct err *err);
const struct fsck_summary *fsck_summary(const struct fsck *fsck);
void fsck_end(struct fsck *fsck);

#endif
