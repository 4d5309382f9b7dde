/* SPDX-License-Identifier: Apache-2.0
 * L2: the collector: one pass over a store. Owns _berth/lock/collector. */
#include "gc/pass.h"

#include "store/lock.h"
#include "store/pulled.h"
#include "store/repo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS ((int64_t)1000000000)

int64_t gc_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * NS + st->st_mtim.tv_nsec;
}

int64_t gc_age(const struct gc_pass *pass, int64_t mtime)
{
    return (pass->began - mtime) / NS;
}

bool gc_is_old(const struct gc_pass *pass, const struct stat *st, int64_t grace)
{
    return grace >= 0 && gc_mtime(st) < pass->began - grace * NS;
}

void gc_problem(struct gc_pass *pass, const struct name *name, const char *fmt, ...)
{
    char message[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    pass->totals->problems++;
    if (pass->options->problem)
        pass->options->problem(pass->options->context, name, message);
}

void gc_removes(const struct gc_pass *pass, const struct gc_item *item)
{
    if (pass->options->removes)
        pass->options->removes(pass->options->context, item);
}

/* Ages are by the clock that makes the mtimes, which on a shared file system is another host's. */
static int begin(struct gc_pass *pass, struct lock *collector, struct err *err)
{
    struct timespec now;
    struct stat st;

    if (pass->options->dry_run) {
        clock_gettime(CLOCK_REALTIME, &now);
        pass->began = (int64_t)now.tv_sec * NS + now.tv_nsec;
        return 0;
    }
    int locked = lock_collector(pass->store, collector, err);
    if (locked == 0)
        return err_set(err, ERR_BUSY, "another berth gc is at work on this store");
    if (locked < 0)
        return -1;
    if (futimens(collector->fd, NULL) < 0 || fstat(collector->fd, &st) < 0)
        return err_sys(err, errno, "touch " LAYOUT_LOCKS "/collector");
    pass->began = gc_mtime(&st);
    return 0;
}

struct listing {
    struct gc_pass *pass;
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

    (void)err;
    listing->pass->blocked = true;
    gc_problem(listing->pass, NULL,
               "%s is no repository's directory, but may hold some: see berth fsck", path);
    return 0;
}

static int collect_names(struct gc_pass *pass, struct err *err)
{
    struct listing listing = {.pass = pass};

    int result = repo_walk_all(pass->store, visit_repository, odd_path, &listing, err);
    if (result == 0)
        result = gc_repos(pass, &listing.names, err);
    strings_free(&listing.names);
    return result;
}

static int collect(struct gc_pass *pass, struct err *err)
{
    if (collect_names(pass, err) < 0)
        return -1;
    if (pass->blocked)
        gc_problem(pass, NULL, "no blob is removed, since not all is known that may need one");
    else if ((pass->names_gone && fs_sync_all(&pass->store->fs, err) < 0) ||
             gc_blobs(pass, err) < 0)
        return -1;
    if (gc_litter(pass, err) < 0)
        return -1;
    return pass->options->dry_run ? 0 : pulled_sweep(pass->store, err);
}

int gc_run(const struct store *store, const struct gc_options *options, struct gc_totals *totals,
           struct err *err)
{
    struct gc_pass pass = {
        .store = store, .options = options, .totals = totals, .lock = {.fd = -1}};
    AUTO_LOCK collector = {-1};

    *totals = (struct gc_totals){0};
    int result = begin(&pass, &collector, err);
    if (result == 0)
        result = collect(&pass, err);
    gc_let_go(&pass);
    digest_map_free(&pass.marked);
    strings_free(&pass.doomed);
    return result;
}

static int visit_uploads(void *context, const struct name *name, struct err *err)
{
    size_t left;

    return gc_uploads(context, name, &left, err);
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
    struct gc_pass pass = {
        .store = store, .options = options, .totals = totals, .lock = {.fd = -1}};
    struct timespec now;

    *totals = (struct gc_totals){0};
    clock_gettime(CLOCK_REALTIME, &now);
    pass.began = (int64_t)now.tv_sec * NS + now.tv_nsec;
    return repo_walk_all(store, visit_uploads, pass_over, &pass, err);
}
