/* SPDX-License-Identifier: Apache-2.0
 * L3: the pull-through cache. */
#include "cache/cache.h"

#include "base/decimal.h"
#include "base/fs_lock.h"
#include "base/log.h"
#include "cache/mark.h"
#include "cache/place.h"
#include "registry/push_blob.h"
#include "store/blob.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

#define STALE_MS 5000   /* for an answer where there is another one here */
#define ANSWER_MS 35000 /* where there is none; berth-fetch gives up sooner */

/* One thing that may have to be asked for. */
struct look {
    const struct cache *cache;
    const struct store *store;
    const struct name *name;
    const struct reference *reference; /* of a manifest; NULL: it is a blob */
    const struct digest *digest;       /* of a blob */
    struct origin origin;
    struct job job;
    struct mark_key key;
    int slot;
};

/* 0: it is nobody's but ours. */
static int begin(struct look *look, const struct cache *cache, const struct name *name,
                 struct err *err)
{
    look->cache = cache;
    look->store = cache->registry->store;
    look->name = name;
    look->slot = -1;
    if (!upstream_find(cache->upstreams, name, &look->origin))
        return 0;
    if (!upstream_serves(&look->origin))
        return err_set(err, ERR_NAME_UNKNOWN, "%s is not cached from %s", look->origin.remote.s,
                       look->origin.upstream->title);
    look->job = (struct job){
        .config = cache->config, .upstream = look->origin.upstream->title, .name = name->s};
    return 1;
}

static void set_job(struct look *look, const char *verb, const char *what)
{
    look->job.verb = verb;
    look->job.what = what;
    mark_key(&look->key, verb, look->name->s, what);
}

static void end(struct look *look)
{
    fs_lock_close(&look->slot);
}

static int is_unknown(const struct look *look, struct err *err)
{
    if (!mark_is_fresh(look->store, MARK_MISSING, look->origin.upstream, look->key.s,
                       CACHE_MISSING_SECONDS))
        return 0;
    return err_set(err,
                   look->reference ? ERR_MANIFEST_UNKNOWN
                   : look->digest  ? ERR_BLOB_UNKNOWN
                                   : ERR_NAME_UNKNOWN,
                   "%s has no %s", look->origin.upstream->title, look->key.s);
}

/* Whether it is here: 1, with what it is. */
static int has_manifest(const struct look *look, struct err *err)
{
    struct digest digest;
    int64_t size;

    int found = pull_resolve(look->cache->registry, look->name, look->reference, &digest, err);
    if (found > 0)
        found = blob_stat(look->store, &digest, &size, err);
    return found > 0 ? !pull_is_emptied(&digest, size) : found;
}

/* Whether nobody need be asked about it. */
static int is_settled(const struct look *look, struct err *err)
{
    const struct upstream *upstream = look->origin.upstream;

    int has = has_manifest(look, err);
    if (has <= 0 || look->reference->is_digest)
        return has;
    return upstream_is_immutable(upstream, &look->reference->tag) ||
           mark_is_fresh(look->store, MARK_CHECKED, upstream, look->key.s,
                         upstream_revalidate(upstream));
}

static int take_slot(struct look *look, struct err *err)
{
    int taken = mark_slot(look->store, look->cache->streams, &look->slot, err);

    if (taken == 0)
        return err_set(err, ERR_CACHE_BUSY, "%jd wait for other registries already",
                       (intmax_t)look->cache->streams);
    return taken < 0 ? -1 : 0;
}

/* Runs the job in its flight, unless another one's answered meanwhile, as `settled` says. */
static int fly(struct look *look, int timeout_ms, int (*settled)(const struct look *, struct err *),
               struct buf *text, struct err *err)
{
    AUTO_LOCKED_FD flight = -1;
    bool waited;

    int taken = mark_flight(look->store, look->origin.upstream, look->key.s, timeout_ms, &flight,
                            &waited, err);
    if (taken == 0)
        return err_set(err, ERR_UPSTREAM_TIMEOUT, "%s does not answer in time",
                       look->origin.upstream->title);
    if (taken < 0 || (waited && is_unknown(look, err) < 0))
        return -1;
    int done = waited && settled ? settled(look, err) : 0;
    if (done)
        return done < 0 ? -1 : 0;
    struct err failure = {0};
    int ran = job_run(&look->job, flight, timeout_ms, text, &failure);
    if (ran < 0 && failure.code == ERR_UPSTREAM_TIMEOUT)
        file_close(&flight); /* it may be on its way still: the lock is its own */
    return ran < 0 ? err_copy(err, &failure) : 0;
}

/* The upstream is left alone where it asked for that, and for a moment after it failed if there is
 * something to serve instead. */
static int check_pause(const struct look *look, bool has, struct err *err)
{
    AUTO_BUF line = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    struct err why = {0};

    int64_t seconds = mark_blocked(look->store, look->origin.upstream, &line);
    if (seconds <= 0)
        return 0;
    buf_addc(&line, '\n');
    if (job_read(&line, &text, &why) == 0 || (why.code != ERR_UPSTREAM_BUSY && !has))
        return 0;
    why.retry = seconds < INT32_MAX ? (int)seconds : INT32_MAX;
    return err_copy(err, &why);
}

static int ask_manifest(struct look *look, bool has, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    if (check_pause(look, has, err) < 0 || take_slot(look, err) < 0)
        return -1;
    return fly(look, has ? STALE_MS : ANSWER_MS, is_settled, &text, err);
}

/* Whether what is here is served though its upstream did not confirm it. */
static bool may_be_stale(const struct look *look, const struct err *failure)
{
    enum upstream_stale stale = look->origin.upstream->stale;

    if (failure->code == ERR_MANIFEST_UNKNOWN || failure->code == ERR_NAME_UNKNOWN)
        return stale == UPSTREAM_STALE_ALWAYS;
    return stale != UPSTREAM_STALE_NEVER;
}

int cache_manifest(const struct cache *cache, const struct name *name,
                   const struct reference *reference, bool *is_stale, struct err *err)
{
    struct look look = {.reference = reference};
    struct err failure = {0};

    *is_stale = false;
    int cached = begin(&look, cache, name, err);
    if (cached <= 0)
        return cached;
    set_job(&look, "manifest", reference_text(reference));
    int settled = is_settled(&look, err);
    if (settled)
        return settled < 0 ? -1 : 0;
    int has = has_manifest(&look, err);
    if (has < 0)
        return -1;
    int asked = is_unknown(&look, &failure);
    if (asked == 0)
        asked = ask_manifest(&look, has > 0, &failure);
    end(&look);
    if (asked == 0)
        return 0;
    if (!has || !may_be_stale(&look, &failure))
        return err_copy(err, &failure);
    log_info("%s: what is cached is served: %s", look.key.s, failure.msg);
    *is_stale = true;
    return 0;
}

static int has_layer(const struct look *look, struct err *err)
{
    int64_t size;

    int found = repo_has_layer(look->store, look->name, look->digest, err);
    if (found > 0)
        found = blob_stat(look->store, look->digest, &size, err);
    return found > 0 ? !pull_is_emptied(look->digest, size) : found;
}

/* Asks whether the upstream has it under this name; then it is linked, if it is here already. */
static int confirm(struct look *look, struct cache_blob *blob, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    look->job.verb = "confirm";
    if (check_pause(look, false, err) < 0 || (look->slot < 0 && take_slot(look, err) < 0) ||
        fly(look, ANSWER_MS, has_layer, &text, err) < 0)
        return -1;
    blob->size = -1;
    if (text.len && !decimal_parse(text.s, strcspn(text.s, "\n"), &blob->size))
        blob->size = -1;
    return has_layer(look, err);
}

static int join(struct look *look, struct cache_blob *blob, struct err *err)
{
    enum fill_state state;

    if (check_pause(look, false, err) < 0 || take_slot(look, err) < 0)
        return -1;
    blob->fill = (struct fill){.store = look->store, .job = look->job, .digest = *look->digest};
    blob->fill.job.verb = "blob";
    blob->fill.job.name = blob->name.s; /* what outlives the request's own */
    blob->fill.job.what = blob->fill.digest.s;
    if (fill_join(&blob->fill, ANSWER_MS, &state, err) < 0)
        return -1;
    int here = 0;
    if (state == FILL_PUBLISHED)
        here = has_layer(look, err);
    if (here == 0 && (state == FILL_PUBLISHED || blob->fill.is_other))
        here = confirm(look, blob, err);
    if (here < 0)
        return -1;
    blob->found = state == FILL_PUBLISHED ? CACHE_HERE : CACHE_COMING;
    blob->size = blob->fill.size;
    return 0;
}

int cache_blob(const struct cache *cache, const struct name *name, const struct digest *digest,
               enum pull pull, struct cache_blob *blob, struct err *err)
{
    struct look look = {.digest = digest};
    int64_t size;

    *blob = (struct cache_blob){.found = CACHE_HERE, .name = *name, .fill = {.fd = -1}, .slot = -1};
    int cached = begin(&look, cache, name, err);
    if (cached <= 0)
        return cached;
    set_job(&look, "blob", digest->s);
    int here = has_layer(&look, err);
    if (here == 0)
        here = is_unknown(&look, err);
    if (here)
        return here < 0 ? -1 : 0;
    int held = blob_stat(look.store, digest, &size, err);
    if (held > 0 && pull_is_emptied(digest, size))
        held = 0;
    int result = held < 0 ? -1 : 0;
    if (held > 0 || (held == 0 && pull == PULL_HEAD)) {
        result = confirm(&look, blob, err);
        blob->found = result > 0 ? CACHE_HERE : CACHE_THERE;
    } else if (held == 0) {
        result = join(&look, blob, err);
    }
    if (result >= 0 && blob->found == CACHE_COMING) {
        blob->slot = look.slot;
        return 0;
    }
    end(&look);
    cache_blob_free(blob);
    return result < 0 ? -1 : 0;
}

/* It was filled for another repository; that this one may have it was asked before. */
static void link_other(struct cache_blob *blob)
{
    const struct registry registry = {.store = blob->fill.store};
    struct err err;

    if (push_blob_link(&registry, &blob->name, &blob->fill.digest, blob->size, &err) < 0)
        log_info("%s is not linked into %s: %s", blob->fill.digest.s, blob->name.s, err.msg);
}

ssize_t cache_blob_read(struct cache_blob *blob, void *bytes, size_t len, int64_t off,
                        int timeout_ms, struct err *err)
{
    ssize_t n = fill_read(&blob->fill, bytes, len, off, timeout_ms, err);

    if (n > 0 && off + n == blob->size && blob->fill.is_other)
        link_other(blob);
    return n;
}

void cache_blob_free(struct cache_blob *blob)
{
    fill_close(&blob->fill);
    fs_lock_close(&blob->slot);
}

/* The answer as berth-fetch has left it. */
static int read_list(const struct look *look, struct buf *text, struct err *err)
{
    struct place place;

    return fs_read(&look->store->fs,
                   place_mark(&place, look->origin.upstream, CACHE_LISTS, look->key.s),
                   CACHE_LIST_MAX, text, err);
}

/* Whether there is one: it may be long. */
static int has_list(const struct look *look, struct err *err)
{
    struct place place;
    struct stat st;

    return fs_stat(&look->store->fs,
                   place_mark(&place, look->origin.upstream, CACHE_LISTS, look->key.s), &st, err);
}

static int is_listed(const struct look *look, struct err *err)
{
    if (!mark_is_fresh(look->store, MARK_CHECKED, look->origin.upstream, look->key.s,
                       upstream_revalidate(look->origin.upstream)))
        return 0;
    return has_list(look, err);
}

static int ask_list(struct look *look, bool has, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    if (check_pause(look, has, err) < 0 || take_slot(look, err) < 0)
        return -1;
    return fly(look, has ? STALE_MS : ANSWER_MS, is_listed, &text, err);
}

int cache_list(const struct cache *cache, const struct name *name, const char *verb,
               const char *what, struct buf *text, bool *is_stale, struct err *err)
{
    struct look look = {0};
    struct err failure = {0};

    *is_stale = false;
    int cached = begin(&look, cache, name, err);
    if (cached <= 0)
        return cached;
    set_job(&look, verb, what);
    int listed = is_listed(&look, err);
    if (listed == 0) {
        int has = has_list(&look, err);
        listed = has < 0 ? -1 : 0;
        if (has >= 0 &&
            (is_unknown(&look, &failure) < 0 || ask_list(&look, has > 0, &failure) < 0)) {
            *is_stale = true;
            bool exists = has > 0 || repo_exists(look.store, name, NULL) > 0;
            listed = exists && may_be_stale(&look, &failure) ? 0 : err_copy(err, &failure);
        }
    }
    end(&look);
    return listed < 0 ? -1 : read_list(&look, text, err);
}
