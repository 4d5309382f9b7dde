/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector: one pass over a store. Owns _berth/lock/collector. */
#include "gc/gc.h"

#include "base/clock.h"
#include "gc/ahead.h"
#include "gc/blobs.h"
#include "gc/fetches.h"
#include "gc/pass.h"
#include "gc/uploads.h"
#include "metric/metric.h"
#include "store/layout.h"
#include "store/repo.h"

#include <errno.h>
#include <time.h>

/* Ages are by the clock that makes the mtimes, which on a shared file system is another host's. */
static int begin_alone(struct pass *pass, struct lock *collector, struct err *err)
{
    struct stat st;

    if (pass->options->dry_run)
        return 0;
    int locked = lock_collector(pass->store, collector, err);
    if (locked == 0)
        return err_set(err, ERR_BUSY, "another berth gc is at work on this store");
    if (locked < 0)
        return -1;
    if (futimens(collector->fd, NULL) < 0 || fstat(collector->fd, &st) < 0)
        return err_sys(err, errno, "touch " LAYOUT_LOCKS "/collector");
    pass->began = fs_mtime(&st);
    return 0;
}

struct listing {
    struct pass *pass;
    struct strings names; /* repositories */
};

static int visit_repository(void *context, const struct name *name, struct err *err)
{
    struct listing *listing = context;

    (void)err;
    strings_add(&listing->names, name->s);
    return 0;
}

static int odd_path(void *context, const char *path, struct err *err)
{
    struct listing *listing = context;
    AUTO_BUF message = BUF_INIT;

    (void)err;
    listing->pass->blocked = true;
    buf_addf(&message, "%s is no repository's directory, but may hold some: see berth fsck", path);
    pass_problem(listing->pass, NULL, message.s);
    return 0;
}

static int collect_names(struct pass *pass, struct err *err)
{
    struct listing listing = {.pass = pass};

    int result = repo_walk_all(pass->store, visit_repository, odd_path, &listing, err);
    if (result == 0)
        result = ahead_sweep(pass, &listing.names, err);
    strings_free(&listing.names);
    return result;
}

static int collect(struct pass *pass, struct err *err)
{
    if (collect_names(pass, err) < 0)
        return -1;
    if (pass->blocked)
        pass_problem(pass, NULL, "no blob is removed, since not all is known that may need one");
    else if (pass_settle(pass, err) < 0 || blobs_sweep(pass, err) < 0)
        return -1;
    return blobs_sweep_litter(pass, err) < 0 ? -1 : fetches_sweep(pass, err);
}

/* What the store holds is known for once. Where something stood in the way, not all of it was seen.
 */
static void count(const struct pass *pass, int result, int64_t nanoseconds)
{
    const struct gc_totals *totals = pass->totals;

    metric_add(result < 0         ? METRIC_GC_FAILED
               : totals->problems ? METRIC_GC_PROBLEMS
                                  : METRIC_GC_OK,
               1);
    metric_add(METRIC_GC_BYTES, totals->bytes);
    if (result < 0)
        return;
    metric_set(METRIC_GC_TIME, nanoseconds);
    metric_set(METRIC_UPLOADS_OPEN, totals->uploads.kept);
    metric_set(METRIC_UPLOAD_BYTES, totals->upload_bytes);
    metric_set(METRIC_STORE_REPOSITORIES, totals->repositories.kept);
    metric_set(METRIC_STORE_MANIFESTS, totals->manifests.kept);
    metric_set(METRIC_STORE_TAGS, totals->tags_seen - totals->tags_removed);
    if (!pass->blocked) {
        metric_set(METRIC_STORE_BYTES, totals->stored);
        metric_set(METRIC_STORE_BLOBS, totals->blobs.kept);
        metric_set(METRIC_GARBAGE_BLOBS, totals->waiting.blobs);
        metric_set(METRIC_GARBAGE_BYTES, totals->waiting.bytes);
    }
    metric_set(METRIC_GC_AT, (int64_t)time(NULL));
}

int gc_run(const struct store *store, const struct gc_options *options, struct gc_totals *totals,
           struct err *err)
{
    struct pass pass;
    AUTO_LOCK collector = {-1};
    int64_t began = clock_ns();

    int result = pass_begin(&pass, store, options, totals, err);
    if (result == 0)
        result = begin_alone(&pass, &collector, err);
    if (result == 0)
        result = collect(&pass, err);
    /* What went before something failed, or before no blob was to go. */
    if (pass.untold.len && pass_settle(&pass, result < 0 ? NULL : err) < 0)
        result = -1;
    if (!options->dry_run)
        count(&pass, result, clock_ns() - began);
    pass_end(&pass);
    return result;
}

static int visit_uploads(void *context, const struct name *name, struct err *err)
{
    size_t left;

    return uploads_sweep(context, name, &left, err);
}

static int pass_over(void *context, const char *path, struct err *err)
{
    (void)context;
    (void)path;
    (void)err;
    return 0;
}

int gc_expire(const struct store *store, const struct gc_options *options, struct gc_totals *totals,
              struct err *err)
{
    struct pass pass;

    int result = pass_begin(&pass, store, options, totals, err);
    if (result == 0)
        result = repo_walk_all(store, visit_uploads, pass_over, &pass, err);
    pass_end(&pass);
    return result;
}
