/* SPDX-License-Identifier: Apache-2.0
 * L4: what is cached from other registries. */
#include "api/cached.h"

#include "api/conditional.h"
#include "base/log.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cache/self.h"
#include "http/header.h"
#include "store/repo.h"

#include <stdlib.h>

#define WAIT_MS 500 /* for bytes, before the client is shown that somebody is there */
#define STREAMS 32  /* where nobody said how many workers there are */

static struct cache cache_of(const struct api *api)
{
    const struct upstream_settings *upstreams = &api->rules->live.upstreams;

    return (struct cache){.registry = &api->registry,
                          .upstreams = upstreams,
                          .config = config_path(&api->rules->files),
                          .streams = upstreams->streams  ? upstreams->streams
                                     : api->long_max > 0 ? api->long_max
                                                         : STREAMS};
}

const char *cached_namespace(const struct request *request)
{
    const char *ns = request_parameter(request, "ns");

    return ns && *ns ? ns : NULL;
}

/* Who may not read is shown an empty store, into which nothing is brought. */
static bool is_hidden(const struct api *api)
{
    return api->registry.store == api->nothing;
}

static bool exists(const void *context, const struct name *name)
{
    const struct api *api = context;

    return repo_exists(api->store, name, NULL) > 0;
}

/* Asked by itself it would ask itself again. Whoever asks is its own berth-fetch. */
static int refuse_circle(const struct api *api, const struct request *request,
                         const struct name *name, struct err *err)
{
    const char *via = request_header(request, "HTTP_VIA");
    struct origin origin;

    if (!via || !upstream_find(&api->rules->live.upstreams, name, &origin) ||
        !self_asks(api->store, via))
        return 0;
    return err_set(err, ERR_CIRCLE, "what it caches as %s leads back to it",
                   origin.upstream->title);
}

int cached_resolve(const struct api *api, const struct request *request, struct name *name,
                   struct err *err)
{
    if (upstream_resolve(&api->rules->live.upstreams, cached_namespace(request),
                         request_header(request, "HTTP_HOST"), exists, api, name, err) < 0)
        return -1;
    return refuse_circle(api, request, name, err);
}

int cached_may_push(const struct api *api, const struct name *name, struct err *err)
{
    struct origin origin;

    if (!upstream_find(&api->rules->live.upstreams, name, &origin))
        return 0;
    return err_set(err, ERR_CACHED, "push to %s itself", origin.upstream->title);
}

static void warn_if(bool is_stale, struct response *response)
{
    if (is_stale)
        response_header(response, "Warning", "110 - \"Response is Stale\"");
}

int cached_manifest(const struct api *api, const struct name *name,
                    const struct reference *reference, struct response *response, struct err *err)
{
    const struct cache cache = cache_of(api);
    bool is_stale;

    if (is_hidden(api))
        return 0;
    if (cache_manifest(&cache, name, reference, &is_stale, err) < 0)
        return -1;
    warn_if(is_stale, response);
    return 0;
}

int cached_list(const struct api *api, const struct name *name, const char *verb, const char *what,
                struct buf *text, struct response *response, struct err *err)
{
    const struct cache cache = cache_of(api);
    bool is_stale;

    if (is_hidden(api))
        return 0;
    int listed = cache_list(&cache, name, verb, what, text, &is_stale, err);
    if (listed >= 0)
        warn_if(is_stale, response);
    return listed;
}

/* A blob on its way to the client. */
struct coming {
    struct cache_blob blob;
    struct byte_range range;
};

static void free_coming(void *context)
{
    struct coming *coming = context;

    cache_blob_free(&coming->blob);
    free(coming);
}

/* Never ended as if it were whole: what is short of its Content-Length is broken off. */
static int send_coming(void *context, response_write_fn *write, void *to)
{
    static char bytes[65536]; /* one request at a time in a process */
    struct coming *coming = context;
    int64_t off = coming->range.first;
    struct err err;

    while (off <= coming->range.last) {
        int64_t left = coming->range.last + 1 - off;
        ssize_t n = cache_blob_read(&coming->blob, bytes,
                                    left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes, off,
                                    WAIT_MS, &err);
        if (n < 0) {
            log_error("%s: broken off after %jd bytes: %s", coming->blob.name.s, (intmax_t)off,
                      err.msg);
            return -1;
        }
        if (write(to, bytes, (size_t)n) < 0)
            return -1;
        off += n;
    }
    return 0;
}

/* One range is sent as it comes; of several, all of it. False: none of them is in it, and the
 * response says so. */
static bool choose_range(const struct request *request, struct coming *coming,
                         struct response *response)
{
    static struct byte_range ranges[RANGE_MAX];
    const int64_t size = coming->blob.size;
    const char *text = request->method == METHOD_GET && !request_header(request, "HTTP_IF_RANGE")
                           ? request_header(request, "HTTP_RANGE")
                           : NULL;
    size_t n;

    enum range_verdict verdict = header_range(text, size, ranges, &n);
    if (verdict == RANGE_UNSATISFIABLE) {
        error_unsatisfiable(response, size);
        return false;
    }
    coming->range = (struct byte_range){0, size - 1};
    if (verdict == RANGE_NONE || n != 1)
        return true;
    coming->range = ranges[0];
    response->status = 206;
    response_header(response, "Content-Range", "bytes %jd-%jd/%jd", (intmax_t)ranges[0].first,
                    (intmax_t)ranges[0].last, (intmax_t)size);
    return true;
}

int cached_blob(const struct api *api, const struct request *request, const struct name *name,
                const struct digest *digest, struct response *response, struct err *err)
{
    const struct cache cache = cache_of(api);

    if (is_hidden(api))
        return 0;
    struct coming *coming = mem_alloc(sizeof *coming);

    int result =
        cache_blob(&cache, name, digest, request->method == METHOD_HEAD ? PULL_HEAD : PULL_GET,
                   &coming->blob, err);
    if (result < 0 || coming->blob.found == CACHE_HERE) {
        free(coming);
        return result < 0 ? -1 : 0;
    }
    conditional_cache(api, name, response);
    if (conditional_not_modified(request, digest, response)) {
        free_coming(coming);
        return 1;
    }
    response_header(response, "Accept-Ranges", "bytes");
    response_header(response, "Content-Type", "application/octet-stream");
    if (coming->blob.found == CACHE_THERE) {
        response->length = coming->blob.size;
        free_coming(coming);
        return 1;
    }
    if (!choose_range(request, coming, response)) {
        free_coming(coming);
        return 1;
    }
    response_header(response, "X-Accel-Buffering", "no"); /* nginx shall send what there is */
    response_stream(response, send_coming, coming, free_coming,
                    coming->range.last + 1 - coming->range.first);
    return 1;
}

void cached_mark(const struct api *api, const struct request *request, struct response *response)
{
    const char *ns = cached_namespace(request);

    if (ns && api->rules->live.upstreams.n &&
        (request->method == METHOD_GET || request->method == METHOD_HEAD))
        response_header(response, "OCI-Namespace", "%s", ns);
}
