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
    struct quarantine quarantine;
    struct digest_map reported; /* content whose fault was reported: no other finding is of it */
    struct digest_map linkless; /* the same for links that the present repository lacks */
    bool unnoted;               /* not all links could be noted (store/holder.h) */
    bool own;                   /* berth has made its directory in this store */
    int64_t found_blobs, found_bytes;
    int64_t items;
};

bool fsck_run_stopped(const struct fsck *fsck);
/* One thing more was looked at. */
void fsck_run_step(struct fsck *fsck, const char *what);

#endif
