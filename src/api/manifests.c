/* SPDX-License-Identifier: Apache-2.0
 * L4: /v2/<name>/manifests/<reference> (end-3, end-7a, end-7b, end-9). */
#include "api/access.h"
#include "api/api.h"
#include "api/cached.h"
#include "api/conditional.h"
#include "base/log.h"
#include "http/header.h"
#include "registry/pull.h"
#include "registry/push_manifest.h"
#include "registry/remove.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The specification asks for ten at least; each costs two durable writes under the repository's
 * lock. */
#define TAG_PARAMETERS_MAX 128

#define PIECE_MAX 16384

static int parse_reference(const struct target *target, struct reference *reference,
                           struct err *err)
{
    return reference_parse(reference, target->last, strlen(target->last), err);
}

/* What is no tag cannot be there: for reading and deleting that is a 404. */
static int parse_known_reference(const struct target *target, struct reference *reference,
                                 struct err *err)
{
    int parsed = parse_reference(target, reference, err);

    if (parsed < 0 && err->code == ERR_MANIFEST_INVALID)
        err->code = ERR_MANIFEST_UNKNOWN;
    return parsed;
}

/* What is no application/... may be something that a browser shows. */
static const char *served_type(const char *media_type)
{
    return strncasecmp(media_type, "application/", 12) == 0 ? media_type
                                                            : "application/octet-stream";
}

/* A long one from its file, which is the response's then. */
static void send_manifest(struct pulled_manifest *pulled, struct response *response)
{
    if (!pulled->has_file) {
        response_text(response, pulled->bytes.s, pulled->bytes.len);
        return;
    }
    response->fd = pulled->fd;
    pulled->has_file = false;
    response_file(response, 0, pulled->size);
}

int manifests_get(const struct api *api, struct request *request, const struct target *target,
                  struct response *response, struct err *err)
{
    AUTO_PULLED pulled = {0};
    struct reference reference;

    if (parse_known_reference(target, &reference, err) < 0 ||
        cached_manifest(api, &target->name, &reference, response, err) < 0 ||
        pull_manifest(&api->registry, &target->name, &reference,
                      request->method == METHOD_HEAD ? PULL_HEAD : PULL_GET, &pulled, err) < 0)
        return -1;
    if (reference.is_digest)
        conditional_cache(api, &target->name, response);
    if (conditional_not_modified(request, &pulled.digest, response))
        return 0;
    response_header(response, "Content-Type", "%s", served_type(pulled.manifest.media_type));
    send_manifest(&pulled, response);
    return 0;
}

static int too_large(const struct api *api, struct err *err)
{
    return err_set(err, ERR_MANIFEST_TOO_LARGE, "the limit is %jd bytes",
                   (intmax_t)api->store->manifest_limit);
}

/* A body that is long is kept in a file, so that it takes no memory. */
struct body {
    struct buf text; /* all of it; once there is a file, what is not in that yet */
    int fd;          /* -1: none */
    int64_t filed;   /* bytes in the file */
};

static void body_free(struct body *body)
{
    buf_free(&body->text);
    file_close(&body->fd);
}
#define AUTO_BODY __attribute__((cleanup(body_free))) struct body

static int file_text(const struct api *api, struct body *body, struct err *err)
{
    if (body->fd < 0 && store_scratch(api->registry.store, &body->fd, err) < 0)
        return -1;
    if (file_pwrite_all(body->fd, body->text.s, body->text.len, body->filed, err) < 0)
        return -1;
    body->filed += (int64_t)body->text.len;
    buf_clear(&body->text);
    return 0;
}

static int read_body(const struct api *api, struct request *request, struct body *body,
                     struct err *err)
{
    struct buf *text = &body->text;
    ssize_t n;
    int64_t limit = api->store->manifest_limit;

    if (request->content_length > limit)
        return too_large(api, err);
    request->body_seconds = (int)api->frozen->api.client_timeout; /* it holds a worker meanwhile */
    do {
        int64_t rest = limit + 1 - body->filed - (int64_t)text->len;
        size_t want = rest < PIECE_MAX ? (size_t)rest : PIECE_MAX;
        n = request_read(request, buf_reserve(text, want), want, err);
        text->len += n > 0 ? (size_t)n : 0;
        if (body->filed + (int64_t)text->len > limit)
            return too_large(api, err);
        if ((int64_t)text->len > PULL_TEXT_MAX && file_text(api, body, err) < 0)
            return -1;
    } while (n > 0);
    return n == 0 && body->fd >= 0 ? file_text(api, body, err) : (int)n;
}

/* `?tag=` once or more, with a reference by digest (end-7b). */
static int parse_tags(struct request *request, struct push_manifest *push, struct err *err)
{
    struct tag *tags = arena_alloc(&request->arena, TAG_PARAMETERS_MAX * sizeof *tags);

    push->tags = tags;
    for (size_t i = 0; push->reference.is_digest && i < request->n_query; i++) {
        const char *value = request->query[i].value;
        if (strcmp(request->query[i].key, "tag") != 0)
            continue;
        if (push->n_tags == TAG_PARAMETERS_MAX)
            return err_set(err, ERR_URI_TOO_LONG, "more than %d tags", TAG_PARAMETERS_MAX);
        if (tag_parse(&tags[push->n_tags], value, strlen(value), err) < 0)
            return -1;
        push->n_tags++;
    }
    return 0;
}

static void accepted(const struct target *target, const struct push_manifest *push,
                     const struct pushed_manifest *pushed, struct response *response)
{
    AUTO_BUF tags = BUF_INIT;

    response->status = 201;
    response_header(response, "Location", "/v2/%s/manifests/%s", target->name.s, pushed->digest.s);
    response_header(response, "Docker-Content-Digest", "%s", pushed->digest.s);
    response_header(response, "ETag", "\"%s\"", pushed->digest.s);
    if (pushed->has_subject)
        response_header(response, "OCI-Subject", "%s", pushed->subject.s);
    for (size_t i = 0; i < push->n_tags; i++)
        buf_addf(&tags, "%s%s", i ? ", " : "", push->tags[i].s);
    if (push->n_tags)
        response_header(response, "OCI-Tag", "%s", tags.s);
}

/* Each is an error of its own, so that a client can push all of them. */
static int refuse_missing(const struct freshen_missing *missing, struct response *response,
                          const struct err *err)
{
    log_info("%s: %s", err_public_text(err->code), err->msg);
    error_missing(response, err, missing->v, missing->n);
    return 0;
}

int manifests_put(const struct api *api, struct request *request, const struct target *target,
                  struct response *response, struct err *err)
{
    const char *content_type = request_variable(request, "CONTENT_TYPE");
    struct push_manifest push = {
        .name = target->name,
        .precondition = conditional_precondition(request),
    };
    struct pushed_manifest pushed;
    char media_type[256];
    AUTO_BODY body = {BUF_INIT, -1, 0};

    if (parse_reference(target, &push.reference, err) < 0 || parse_tags(request, &push, err) < 0 ||
        read_body(api, request, &body, err) < 0)
        return -1;
    push.bytes = body.fd >= 0 ? NULL : body.text.s;
    push.fd = body.fd;
    push.len = body.fd >= 0 ? (size_t)body.filed : body.text.len;
    if (content_type) {
        header_media_type(content_type, media_type, sizeof media_type);
        push.content_type = media_type;
    }
    if (push_manifest(&api->registry, &push, &pushed, err) < 0)
        return pushed.missing.n ? refuse_missing(&pushed.missing, response, err) : -1;
    accepted(target, &push, &pushed, response);
    return 0;
}

int manifests_delete(const struct api *api, struct request *request, const struct target *target,
                     struct response *response, struct err *err)
{
    struct reference reference;

    if (parse_known_reference(target, &reference, err) < 0 ||
        remove_manifest(&api->registry, &target->name, &reference,
                        conditional_precondition(request), NULL, err) < 0)
        return -1;
    response->status = 202;
    return 0;
}
