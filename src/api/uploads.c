/* SPDX-License-Identifier: Apache-2.0
 * L4: /v2/<name>/blobs/uploads/ and the sessions below it (end-4a to end-6, end-11, end-13,
 * end-14). */
#include "api/access.h"
#include "api/api.h"
#include "base/uuid.h"
#include "http/header.h"
#include "registry/push_blob.h"

#include <string.h>

static ssize_t read_request(void *from, void *bytes, size_t len, struct err *err)
{
    return request_read(from, bytes, len, err);
}

static struct push_body body_of(struct request *request)
{
    return (struct push_body){read_request, request};
}

static void session_init(struct push_session *session, const struct api *api,
                         const struct target *target)
{
    *session = (struct push_session){.name = target->name, .user = identity_owner(&api->who)};
}

/* The session that the path names. */
static int session_of(struct push_session *session, const struct api *api,
                      const struct target *target, struct err *err)
{
    session_init(session, api, target);
    if (!uuid_valid(target->last, strlen(target->last)))
        return err_set(err, ERR_UPLOAD_UNKNOWN, "%s", target->last);
    memcpy(session->id, target->last, sizeof session->id);
    return 0;
}

/* An upload that goes on. Zero bytes are shown as `0-0`, which docker and the conformance tests
 * expect. */
static void answer_session(const struct push_session *session, int status, int64_t offset,
                           struct response *response)
{
    response->status = status;
    response_header(response, "Location", "/v2/%s/blobs/uploads/%s", session->name.s, session->id);
    response_header(response, "Range", "0-%jd", (intmax_t)(offset > 0 ? offset - 1 : 0));
    response_header(response, "Docker-Upload-UUID", "%s", session->id);
}

static void answer_blob(const struct name *name, const struct digest *digest,
                        struct response *response)
{
    response->status = 201;
    response_header(response, "Location", "/v2/%s/blobs/%s", name->s, digest->s);
    response_header(response, "Docker-Content-Digest", "%s", digest->s);
}

/* A chunk out of order: the client learns where to go on. Other errors are left to the caller. */
static int answer_chunk_error(const struct push_session *session, int64_t offset,
                              struct response *response, const struct err *err)
{
    if (err->code != ERR_UPLOAD_RANGE)
        return -1;
    error_answer(response, err);
    answer_session(session, err_http_status(err->code), offset, response);
    return 0;
}

/* 1: mounted and answered; 0: not there, so that an upload has to begin. */
static int try_mount(const struct api *api, struct request *request, const struct target *target,
                     struct response *response, struct err *err)
{
    const char *mount = request_parameter(request, "mount");
    const char *from = request_parameter(request, "from");
    struct digest digest;
    struct name source;

    if (!mount)
        return 0;
    if (digest_parse(&digest, mount, strlen(mount), err) < 0)
        return -1;
    bool has_source = from && *from;
    if (has_source && name_parse(&source, from, strlen(from), err) < 0)
        return -1;
    int mounted =
        push_blob_mount(&api->registry, &target->name, &digest, has_source ? &source : NULL, err);
    if (mounted > 0)
        answer_blob(&target->name, &digest, response);
    return mounted;
}

int uploads_post(const struct api *api, struct request *request, const struct target *target,
                 struct response *response, struct err *err)
{
    const char *digest_text = request_parameter(request, "digest");
    const char *algorithm_text = request_parameter(request, "digest-algorithm");
    enum digest_algorithm algorithm = DIGEST_SHA256;
    struct push_session session;
    struct digest digest;

    int mounted = try_mount(api, request, target, response, err);
    if (mounted)
        return mounted < 0 ? -1 : 0;
    session_init(&session, api, target);
    if (algorithm_text && digest_algorithm_parse(&algorithm, algorithm_text, err) < 0)
        return -1;
    if (digest_text) {
        if (digest_parse(&digest, digest_text, strlen(digest_text), err) < 0 ||
            push_blob_whole(&api->registry, &session, &digest, body_of(request), err) < 0)
            return -1;
        answer_blob(&target->name, &digest, response);
        return 0;
    }
    if (push_blob_start(&api->registry, &session, algorithm, err) < 0)
        return -1;
    answer_session(&session, 202, 0, response);
    return 0;
}

int uploads_get(const struct api *api, struct request *request, const struct target *target,
                struct response *response, struct err *err)
{
    struct push_session session;
    int64_t offset;

    (void)request;
    if (session_of(&session, api, target, err) < 0 ||
        push_blob_offset(&api->registry, &session, &offset, err) < 0)
        return -1;
    answer_session(&session, 204, offset, response);
    return 0;
}

static int parse_range(const struct request *request, struct push_range *range, struct err *err)
{
    const char *value = request_header(request, "HTTP_CONTENT_RANGE");

    *range = (struct push_range){-1, -1};
    if (value &&
        (!header_content_range(value, &range->first, &range->last) || range->last < range->first))
        return err_set(err, ERR_UPLOAD_INVALID, "Content-Range must be <first>-<last>");
    return 0;
}

int uploads_patch(const struct api *api, struct request *request, const struct target *target,
                  struct response *response, struct err *err)
{
    struct push_session session;
    struct push_range range;
    int64_t offset;

    if (session_of(&session, api, target, err) < 0 || parse_range(request, &range, err) < 0)
        return -1;
    if (push_blob_chunk(&api->registry, &session, range, body_of(request), &offset, err) < 0)
        return answer_chunk_error(&session, offset, response, err);
    answer_session(&session, 202, offset, response);
    return 0;
}

int uploads_put(const struct api *api, struct request *request, const struct target *target,
                struct response *response, struct err *err)
{
    const char *digest_text = request_parameter(request, "digest");
    struct push_session session;
    struct push_range range;
    struct digest digest;
    int64_t offset;

    if (session_of(&session, api, target, err) < 0 || parse_range(request, &range, err) < 0)
        return -1;
    if (!digest_text)
        return err_set(err, ERR_DIGEST_INVALID, "the digest parameter is missing");
    if (digest_parse(&digest, digest_text, strlen(digest_text), err) < 0)
        return -1;
    if (push_blob_finish(&api->registry, &session, range, &digest, body_of(request), &offset, err) <
        0)
        return answer_chunk_error(&session, offset, response, err);
    answer_blob(&target->name, &digest, response);
    return 0;
}

int uploads_delete(const struct api *api, struct request *request, const struct target *target,
                   struct response *response, struct err *err)
{
    struct push_session session;

    (void)request;
    if (session_of(&session, api, target, err) < 0 ||
        push_blob_cancel(&api->registry, &session, err) < 0)
        return -1;
    response->status = 204;
    return 0;
}
