/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a check: what all parts of it know.
 *
 * Who calls whom, and nobody back: fsck - own, mode, place, repo, scrub; repo - link, tag,
 * referrer, manifest, upload; tag - link, manifest, names; manifest - reference, referrer, names;
 * place, scrub, reference - hash, blob; tag, manifest, reference, referrer - read; all of them -
 * tree - suspect - look - run.
 */
#ifndef BERTH_FSCK_FSCK_RUN_H
#define BERTH_FSCK_FSCK_RUN_H

#include "base/dir_read.h"
#include "fsck/fsck.h"
#include "fsck/quarantine.h"
#include "oci/digest_map.h"

/* In fsck->reported: that somebody needs it and it is not there. Whoever has it as a manifest has a
 * name too many then, which is another fault. */
#define FSCK_REPORTED_MISSING 1

struct fsck {
    struct store *store;
    struct fsck_options options;
    fsck_report_fn *report;
    void *context;
    struct fsck_summary summary;
    int64_t began; /* as of clock_ns */
    struct quarantine quarantine;
    struct digest_map reported; /* content whose fault was reported: no other finding is of it */
    struct digest_map linkless; /* the same for links that the present repository lacks */
    bool unnoted;               /* not all links could be noted (store/holder.h) */
    bool told_unreadable;       /* that something cannot be read was reported */
    struct buf unseen;          /* path of the first that could not be looked at; empty: none */
    struct err why_unseen;
    struct dir_read **spare; /* for the next listings */
    size_t n_spare;
    size_t unlocked_held; /* suspicions in a row that waited, or need not have, and still held */
    bool own;             /* berth has made its directory in this store */
    int64_t found_blobs, found_bytes;
    int64_t items;
};

bool fsck_run_stopped(const struct fsck *fsck);
/* found is what a look at the path came to, which it returns: if that is an error, what is there is
 * neither sound nor gone, and the run does not end well. Not by threads that hash. */
int fsck_run_saw(struct fsck *fsck, const char *path, int found, const struct err *err);
/* One thing more was looked at. */
void fsck_run_step(struct fsck *fsck, const char *what);

#endif
