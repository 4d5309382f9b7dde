/* SPDX-License-Identifier: Apache-2.0
 * L4: /v2/<name>/blobs/<digest> (end-2, end-10). */
#include "api/access.h"
#include "api/api.h"
#include "api/cached.h"
#include "api/conditional.h"
#include "api/sender.h"
#include "base/uuid.h"
#include "http/header.h"
#include "registry/pull.h"
#include "registry/remove.h"
#include "store/layout.h"

#include <string.h>

#define BLOB_TYPE "application/octet-stream"

static void by_server(const struct api *api, enum api_sendfile way, const struct digest *digest,
                      struct response *response)
{
    struct layout_path path;

    layout_blob(&path, digest);
    if (way == API_SENDFILE_X_SENDFILE)
        response_header(response, "X-Sendfile", "%s/%s", api->registry.store->path, path.s);
    else
        response_header(response, "X-Accel-Redirect", "%s" LAYOUT_PREFIX "/%s",
                        api->frozen->api.sendfile_prefix, path.s);
    response->length_from_server = true;
}

static void whole(int64_t size, struct response *response)
{
    response_header(response, "Content-Type", BLOB_TYPE);
    response_file(response, 0, size);
}

static void one_range(struct byte_range range, int64_t size, struct response *response)
{
    response->status = 206;
    response_header(response, "Content-Type", BLOB_TYPE);
    response_header(response, "Content-Range", "bytes %jd-%jd/%jd", (intmax_t)range.first,
                    (intmax_t)range.last, (intmax_t)size);
    response_file(response, range.first, range.last - range.first + 1);
}

static void many_ranges(const struct byte_range *ranges, size_t n, int64_t size,
                        struct response *response)
{
    char boundary[UUID_SIZE];
    AUTO_BUF part = BUF_INIT;

    uuid_make(boundary);
    response->status = 206;
    response_header(response, "Content-Type", "multipart/byteranges; boundary=%s", boundary);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&part);
        buf_addf(&part,
                 "\r\n--%s\r\nContent-Type: " BLOB_TYPE
                 "\r\nContent-Range: bytes %jd-%jd/%jd\r\n\r\n",
                 boundary, (intmax_t)ranges[i].first, (intmax_t)ranges[i].last, (intmax_t)size);
        response_text(response, part.s, part.len);
        response_file(response, ranges[i].first, ranges[i].last - ranges[i].first + 1);
    }
    buf_clear(&part);
    buf_addf(&part, "\r\n--%s--\r\n", boundary);
    response_text(response, part.s, part.len);
}

/* If-Range: the ranges count only for the content that the client knows. */
static const char *wanted_ranges(const struct request *request, const struct digest *digest)
{
    const char *if_range = request_header(request, "HTTP_IF_RANGE");

    if (request->method != METHOD_GET ||
        (if_range && !header_etag_matches(if_range, digest->s, true, ETAG_STRONG)))
        return NULL;
    return request_header(request, "HTTP_RANGE");
}

/* Several ranges are berth's own work: lighttpd drops all but the first ten, and both it and Apache
 * join neighbours, while podman takes the n-th part for the n-th range that it asked for. Where
 * they end in the whole blob, the server sends that: its file in etc/ makes it ignore them.
 * nginx would compare If-Match with an entity tag of its own, and takes in no more than its file in
 * etc/ says; others must get the file, as lighttpd takes in all that berth sends. */
static enum api_sendfile leave_to_server(const struct api *api, const struct request *request,
                                         enum range_verdict verdict, int64_t size)
{
    const char *range = request_header(request, "HTTP_RANGE");

    if (size == 0 || request->method != METHOD_GET || (verdict != RANGE_NONE && strchr(range, ',')))
        return API_SENDFILE_OFF;
    enum api_sendfile way = sender_choose(api, request);
    return way == API_SENDFILE_X_ACCEL && request_header(request, "HTTP_IF_MATCH")
               ? API_SENDFILE_OFF
               : way;
}

/* By the web server where it can (X-Sendfile, X-Accel-Redirect; it then answers Range, If-Range and
 * HEAD), else with ranges of our own (RFC 9110, section 14). Takes fd over. */
static void send_blob(const struct api *api, const struct request *request, const struct name *name,
                      const struct digest *digest, int fd, int64_t size, struct response *response)
{
    static struct byte_range ranges[RANGE_MAX]; /* one request at a time in a process */
    size_t n;

    response->fd = fd;
    conditional_cache(api, name, response);
    if (conditional_not_modified(request, digest, response))
        return;
    enum range_verdict verdict = header_range(wanted_ranges(request, digest), size, ranges, &n);
    if (verdict == RANGE_UNSATISFIABLE) {
        error_unsatisfiable(response, size);
        return;
    }
    response_header(response, "Accept-Ranges", "bytes");
    enum api_sendfile way = leave_to_server(api, request, verdict, size);
    if (way != API_SENDFILE_OFF) {
        response_header(response, "Content-Type", BLOB_TYPE);
        response->length = n == 1 ? ranges[0].last - ranges[0].first + 1 : size;
        by_server(api, way, digest, response);
    } else if (verdict == RANGE_NONE) {
        whole(size, response);
    } else if (n == 1) {
        one_range(ranges[0], size, response);
    } else {
        many_ranges(ranges, n, size, response);
    }
}

int blobs_get(const struct api *api, struct request *request, const struct target *target,
              struct response *response, struct err *err)
{
    struct digest digest;
    int64_t size;
    AUTO_FD fd = -1;

    if (digest_parse(&digest, target->last, strlen(target->last), err) < 0)
        return -1;
    int coming = cached_blob(api, request, &target->name, &digest, response, err);
    if (coming)
        return coming < 0 ? -1 : 0;
    if (pull_blob(&api->registry, &target->name, &digest,
                  request->method == METHOD_HEAD ? PULL_HEAD : PULL_GET, &fd, &size, err) < 0)
        return -1;
    send_blob(api, request, &target->name, &digest, fd, size, response);
    fd = -1;
    return 0;
}

int blobs_delete(const struct api *api, struct request *request, const struct target *target,
                 struct response *response, struct err *err)
{
    struct digest digest;

    (void)request;
    if (digest_parse(&digest, target->last, strlen(target->last), err) < 0 ||
        remove_blob(&api->registry, &target->name, &digest, err) < 0)
        return -1;
    response->status = 202;
    return 0;
}
