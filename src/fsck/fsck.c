/* SPDX-License-Identifier: Apache-2.0
 * L3: checking a store: the order of the passes, and what is done with a suspicion. */
#include "fsck/fsck.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fsck/fsck_modes.h"
#include "fsck/fsck_own.h"
#include "fsck/fsck_place.h"
#include "fsck/fsck_repo.h"
#include "fsck/fsck_run.h"
#include "fsck/fsck_scrub.h"
#include "fsck/fsck_suspect.h"
#include "index/types.h"
#include "metric/metric.h"

#include <stdlib.h>

struct fsck *fsck_start(struct store *store, const struct fsck_options *options,
                        fsck_report_fn *report_finding, void *context)
{
    struct fsck *fsck = mem_alloc(sizeof *fsck);

    *fsck = (struct fsck){
        .store = store, .options = *options, .report = report_finding, .context = context};
    fsck->began = clock_ns();
    quarantine_init(&fsck->quarantine, time(NULL));
    return fsck;
}

void fsck_files(struct fsck *fsck)
{
    fsck_modes_check(fsck);
}

/* In the order in which repairs want it: what obscures other things is out of the way before they
 * are looked for, and blobs are where they belong before a manifest asks for them. */
static int check_content(struct fsck *fsck, struct err *err)
{
    if (fsck_own_check(fsck, err) < 0 ||
        (fsck->options.repair && quarantine_forget_found(fsck->store, err) < 0))
        return -1;
    if (fsck->options.repair)
        types_forget(fsck->store, NULL); /* and each is noted again */
    fsck_place_check(fsck);
    fsck_repo_check_all(fsck);
    if (!fsck_run_stopped(fsck) && fsck_scrub_blobs(fsck, err) < 0)
        return -1;
    /* What lasts is reported where the walk comes to it. */
    if (fsck->unseen.len && !fsck->told_unreadable)
        fsck_suspect_unreadable(fsck, fsck->unseen.s, &fsck->why_unseen);
    fsck->summary.stopped = fsck_run_stopped(fsck);
    return 0;
}

int fsck_content(struct fsck *fsck, struct err *err)
{
    const struct fsck_summary *summary = &fsck->summary;

    int result = check_content(fsck, err);
    int64_t left = summary->errors + summary->warnings - summary->repaired;
    metric_add(result < 0 || summary->stopped ? METRIC_FSCK_FAILED
               : left                         ? METRIC_FSCK_PROBLEMS
                                              : METRIC_FSCK_OK,
               1);
    if (result < 0 || summary->stopped)
        return result;
    metric_set(METRIC_FSCK_TIME, clock_ns() - fsck->began);
    metric_set(METRIC_FSCK_FAULTS, left);
    metric_set(METRIC_FSCK_AT, (int64_t)time(NULL));
    return 0;
}

const struct fsck_summary *fsck_summary(const struct fsck *fsck)
{
    return &fsck->summary;
}

void fsck_end(struct fsck *fsck)
{
    digest_map_free(&fsck->reported);
    digest_map_free(&fsck->linkless);
    buf_free(&fsck->unseen);
    for (size_t i = 0; i < fsck->n_spare; i++)
        free(fsck->spare[i]);
    free(fsck->spare);
    free(fsck);
}
