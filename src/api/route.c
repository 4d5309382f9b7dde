/* SPDX-License-Identifier: Apache-2.0
 * L4: the table of routes, and the way of a request through it. */
#include "api/access.h"
#include "api/api.h"
#include "api/cached.h"
#include "api/cors.h"
#include "api/server_error.h"
#include "api/settings_pass.h"

#include "base/amount.h"
#include "base/decimal.h"
#include "base/may.h"
#include "base/uuid.h"
#include "store/upload.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Of the forms that ask for a token, and of what nobody reads. */
#define BODY_MAX 65536

#define GET_HEAD (METHOD_GET | METHOD_HEAD)

/* A repository's name may contain any word of these, so suffixes are matched from the right, and
 * the first that fits counts: `a/tags/list` and `blobs/uploads` are repositories too. `*` is one
 * component. */
static const struct route {
    int methods;
    enum access access;
    const char *suffix; /* behind /v2/<name> */
    api_handler *handler;
    enum metric_handler counted;
} routes[] = {
    {METHOD_POST, ACCESS_PUSH, "/blobs/uploads/", uploads_post,
     METRIC_BLOB_UPLOAD}, /* end-4a, end-4b, end-4c, end-11 */
    {METHOD_POST, ACCESS_PUSH, "/blobs/uploads", uploads_post, METRIC_BLOB_UPLOAD}, /* the same */
    {GET_HEAD, ACCESS_PUSH, "/blobs/uploads/*", uploads_get, METRIC_BLOB_UPLOAD_CHUNK}, /* end-13 */
    {METHOD_PATCH, ACCESS_PUSH, "/blobs/uploads/*", uploads_patch,
     METRIC_BLOB_UPLOAD_CHUNK}, /* end-5 */
    {METHOD_PUT, ACCESS_PUSH, "/blobs/uploads/*", uploads_put,
     METRIC_BLOB_UPLOAD_CHUNK}, /* end-6 */
    {METHOD_DELETE, ACCESS_PUSH, "/blobs/uploads/*", uploads_delete,
     METRIC_BLOB_UPLOAD_CHUNK},                                                /* end-14 */
    {GET_HEAD, ACCESS_PULL, "/blobs/*", blobs_get, METRIC_BLOB},               /* end-2 */
    {METHOD_DELETE, ACCESS_DELETE, "/blobs/*", blobs_delete, METRIC_BLOB},     /* end-10 */
    {GET_HEAD, ACCESS_PULL, "/manifests/*", manifests_get, METRIC_MANIFEST},   /* end-3 */
    {METHOD_PUT, ACCESS_PUSH, "/manifests/*", manifests_put, METRIC_MANIFEST}, /* end-7a, end-7b */
    {METHOD_DELETE, ACCESS_DELETE, "/manifests/*", manifests_delete, METRIC_MANIFEST}, /* end-9 */
    {GET_HEAD, ACCESS_PULL, "/tags/list", tags_get, METRIC_TAGS},             /* end-8a, end-8b */
    {GET_HEAD, ACCESS_PULL, "/referrers/*", referrers_get, METRIC_REFERRERS}, /* end-12a, end-12b */
};

/* The same for paths without a repository. */
static const struct route fixed_routes[] = {
    {GET_HEAD, ACCESS_PING, "/v2/", system_get, METRIC_BASE}, /* end-1 */
    {GET_HEAD, ACCESS_PING, "/v2", system_get, METRIC_BASE},
    {GET_HEAD, ACCESS_CATALOG, "/v2/_catalog", catalog_get, METRIC_CATALOG},
    {GET_HEAD, ACCESS_CATALOG, "/v2/_catalog/", catalog_get, METRIC_CATALOG},
    {METHOD_GET, ACCESS_TOKEN, "/token", token_get,
     METRIC_TOKEN}, /* Docker Registry v2 token protocol */
    {METHOD_POST, ACCESS_TOKEN, "/token", token_post, METRIC_TOKEN},
    {GET_HEAD, ACCESS_HEALTH, "/livez", health_live, METRIC_HEALTH}, /* as Kubernetes calls them */
    {GET_HEAD, ACCESS_HEALTH, "/readyz", health_ready, METRIC_HEALTH},
    {GET_HEAD, ACCESS_HEALTH, "/metrics", metrics_get, METRIC_METRICS},
};

/* Matches a pattern against the end of the path, component by component. Returns the length of what
 * precedes it, and where `*` begins; -1: no match. */
static int match_suffix(const char *path, const char *suffix, const char **star)
{
    const char *p = path + strlen(path);
    const char *s = suffix + strlen(suffix);

    while (s > suffix) {
        if (p == path)
            return -1;
        if (s[-1] == '*') {
            const char *end = p;
            while (p > path && p[-1] != '/')
                p--;
            if (p == end)
                return -1;
            *star = p;
            s--;
        } else if (*--p != *--s) {
            return -1;
        }
    }
    return (int)(p - path);
}

struct match {
    bool keep; /* nothing is deleted here (`delete` in berth.conf) */
    bool kept; /* so this, which the path knows else */
    const struct route *route;
    const struct route *any; /* of those that fit the path, whatever the method */
    int allowed;             /* the methods of all routes that fit the path */
    struct target target;
};

static int match_fixed(struct match *match, const struct request *request)
{
    for (size_t i = 0; i < sizeof fixed_routes / sizeof *fixed_routes; i++) {
        if (strcmp(request->path, fixed_routes[i].suffix) != 0)
            continue;
        match->any = &fixed_routes[i];
        match->allowed |= fixed_routes[i].methods;
        if (fixed_routes[i].methods & (int)request->method)
            match->route = &fixed_routes[i];
    }
    return match->allowed != 0;
}

static int match_repository(struct match *match, const struct request *request, struct err *err)
{
    const char *suffix = NULL;
    int name_len = -1;

    if (strncmp(request->path, "/v2/", 4) != 0)
        return 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (suffix && strcmp(suffix, routes[i].suffix) != 0)
            continue;
        int len = match_suffix(request->path + 4, routes[i].suffix, &match->target.last);
        if (len < 0)
            continue;
        suffix = routes[i].suffix;
        match->any = &routes[i];
        name_len = len;
        if (match->keep && routes[i].access == ACCESS_DELETE) {
            match->kept = request->method == METHOD_DELETE;
            continue;
        }
        match->allowed |= routes[i].methods;
        if (routes[i].methods & (int)request->method)
            match->route = &routes[i];
    }
    if (!suffix)
        return 0;
    if (name_parse(&match->target.name, request->path + 4, (size_t)name_len, err) < 0)
        return -1;
    return 1;
}

static bool route_is_session(const struct route *route)
{
    return !strcmp(route->suffix, "/blobs/uploads/*");
}

static int find_route(struct match *match, const struct request *request, struct err *err)
{
    int found = match_fixed(match, request);

    if (found == 0)
        found = match_repository(match, request, err);
    if (found == 0)
        return err_set(err, ERR_ROUTE_UNKNOWN, "%s", request->path);
    if (found > 0 && !match->route)
        return err_set(err, ERR_METHOD,
                       match->kept ? "deleting is switched off here" : "see Allow");
    return found < 0 ? -1 : 0;
}

/* The same, with the repository by its name here. */
static int find_target(const struct api *api, struct match *match, const struct request *request,
                       struct err *err)
{
    if (find_route(match, request, err) < 0)
        return -1;
    struct name name = match->target.name;
    if (match->route->access == ACCESS_PULL && cached_resolve(api, request, &name, err) < 0)
        return -1;
    match->target.name = name;
    return 0;
}

struct methods {
    char text[64]; /* as in Allow */
};

static struct methods print_methods(int methods)
{
    static const struct {
        int method;
        const char *name;
    } names[] = {
        {METHOD_GET, "GET"},         {METHOD_HEAD, "HEAD"},   {METHOD_POST, "POST"},
        {METHOD_PUT, "PUT"},         {METHOD_PATCH, "PATCH"}, {METHOD_DELETE, "DELETE"},
        {METHOD_OPTIONS, "OPTIONS"},
    };
    struct methods list = {""};

    methods |= METHOD_OPTIONS;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(list.text);
        if (methods & names[i].method)
            snprintf(list.text + n, sizeof list.text - n, "%s%s", n ? ", " : "", names[i].name);
    }
    return list;
}

/* Whoever showed something wrong is told what the route would want, too. */
static void challenge(const struct api *api, const struct request *request,
                      const struct match *match, struct response *response)
{
    struct match wanted = *match;

    if (!wanted.route && find_target(api, &wanted, request, NULL) < 0)
        wanted.route = NULL;
    access_challenge(api, request, wanted.route ? wanted.route->access : ACCESS_PING,
                     &wanted.target.name, response);
}

/* The bytes that a body may have; -1: any number. What is no upload is read into memory, or not at
 * all. */
static int64_t body_limit(const struct api *api, const struct match *match)
{
    const struct route *route = match->route;

    if (route->handler == manifests_put)
        return api->store->manifest_limit;
    return route->access == ACCESS_PUSH ? -1 : BODY_MAX;
}

/* FastCGI's role of an authorizer (FastCGI Specification, 6.3): the web server asks whether it
 * shall take the body, which is not to be read here. It hands on what Variable- headers say, as
 * variables that no client can set. */
static int authorize(const struct api *api, const struct request *request,
                     const struct match *match, struct response *response, struct err *err)
{
    const char *text = request_header(request, "HTTP_CONTENT_LENGTH");
    int64_t limit = body_limit(api, match), length = request->content_length;

    if (request_is_ambiguous(request, "HTTP_CONTENT_LENGTH"))
        return err_set(err, ERR_REQUEST_INVALID, "more than one header says the Content-Length");
    if (text && !decimal_parse(text, strlen(text), &length))
        return err_set(err, ERR_REQUEST_INVALID, "Content-Length is no number");
    if (limit >= 0 && length > limit)
        return err_set(err,
                       match->route->handler == manifests_put ? ERR_MANIFEST_TOO_LARGE
                                                              : ERR_BODY_TOO_LARGE,
                       "%jd bytes, here are at most %jd", (intmax_t)length, (intmax_t)limit);
    response_header(response, "Variable-" ACCESS_ALLOWED_AT, "%jd", (intmax_t)time(NULL));
    settings_pass_on(config_path(&api->rules->files), response);
    return 0;
}

/* In the specification's way ("Warnings"), which clients print: whoever deletes to have room looks
 * for it at once. */
static void warn_of_grace(const struct api *api, struct response *response)
{
    char grace[AMOUNT_TEXT];

    amount_age(grace, api->store->grace);
    response_header(response, "Warning",
                    "299 - \"removed; the space comes back by berth gc, once it is older than the "
                    "grace (%s)\"",
                    grace);
}

/* A mount that had gone may have come back. */
static int find_store(const struct api *api, struct err *err)
{
    int returned = store_return(api->store, &api->frozen->store, err);

    if (returned <= 0)
        return returned;
    store_close(api->nothing);
    api->store->lost = store_open_nothing(api->nothing, api->store, err) < 0;
    return api->store->lost ? -1 : 0;
}

static int run_handler(const struct api *api, struct request *request, const struct match *match,
                       struct response *response, struct err *err)
{
    if (match->route->access != ACCESS_HEALTH && find_store(api, err) < 0)
        return -1;
    int result = match->route->handler(api, request, &match->target, response, err);
    if (result < 0 && err->code == ERR_UNREACHABLE)
        api->store->lost = true;
    return result;
}

/* Asks for permission, then the handler. Who may not read is shown an empty store, so that no
 * answer differs from that for what does not exist. */
static int answer(struct api *api, struct request *request, const struct match *match,
                  struct response *response, struct err *err)
{
    const struct route *route = match->route;
    struct err hidden;

    int permitted = access_permit(api, route->access, &match->target.name, err);
    if (permitted < 0)
        return -1;
    if (route->access == ACCESS_PUSH && cached_may_push(api, &match->target.name, err) < 0)
        return -1;
    /* Before a body is taken, which the web server could have nowhere to keep. */
    if (api->store->is_read_only &&
        (route->access == ACCESS_PUSH || route->access == ACCESS_DELETE))
        return err_set(err, ERR_READ_ONLY, "%s is on a read-only file system", api->store->path);
    if (request->is_authorizer)
        return authorize(api, request, match, response, err);
    if (permitted == 0) {
        err_set(&hidden, ERR_DENIED, "may not pull");
        access_log_denial(api, request, &hidden);
        api->registry.store = api->nothing;
    }
    int result = run_handler(api, request, match, response, err);
    if (result == 0 && request->method == METHOD_DELETE && response->status == 202)
        warn_of_grace(api, response);
    return result;
}

static void log_failure(const struct api *api, const struct request *request, const struct err *err)
{
    AUTO_BUF hint = BUF_INIT;

    buf_addstr(&hint, "");
    may_hint(api->frozen->store.root, err, &hint);
    if (err->code == ERR_UNAUTHORIZED || err->code == ERR_DENIED)
        access_log_denial(api, request, err);
    else if (err_http_status(err->code) >= 500)
        log_error("%s: %s%s", request->path, err->msg, hint.s);
    else
        log_info("%s: %s: %s", request->path, err_public_text(err->code), err->msg);
}

/* What can be done here at all, which is no secret. Browsers ask without credentials (Fetch
 * Standard, "CORS-preflight fetch"). */
static int answer_options(const struct request *request, struct match *match, struct err *err)
{
    return find_route(match, request, err) < 0 && !match->allowed ? -1 : 0;
}

#define SESSION_SECONDS 86400 /* for which who began an upload may go on with the token */

/* A slow line can need more time for an upload than its token has, and may get no other on the way.
 * Whose session it is, is then the token's user's to show, and the rules', as always, what he may.
 */
static int identify(struct api *api, struct request *request, struct err *err)
{
    struct match match = {0};
    int64_t started, now = time(NULL);

    int known = access_identify(api, request, err);
    if (known == 0 || err->code != ERR_UNAUTHORIZED || find_route(&match, request, NULL) < 0 ||
        !route_is_session(match.route) ||
        !uuid_valid(match.target.last, strlen(match.target.last)) ||
        upload_started(api->store, &match.target.name, match.target.last, &started, NULL) <= 0)
        return known;
    started /= 1000000000;
    return started > now - SESSION_SECONDS && access_identify_since(api, request, started) == 0
               ? 0
               : known;
}

/* Says what the path knows, where it is asked for or was mistaken, and what pages of other origins
 * may do. */
static void add_methods(const struct api *api, const struct request *request,
                        const struct match *match, bool wanted, struct response *response)
{
    const struct methods methods = print_methods(match->allowed);

    if (wanted)
        response_header(response, "Allow", "%s", methods.text);
    cors_add(&api->rules->live.cors.origins, request,
             wanted && request->method == METHOD_OPTIONS ? methods.text : NULL, response);
}

bool route_is_probe(const char *path)
{
    for (size_t i = 0; i < sizeof fixed_routes / sizeof *fixed_routes; i++)
        if (fixed_routes[i].access == ACCESS_HEALTH && !strcmp(fixed_routes[i].suffix, path))
            return true;
    return false;
}

/* A path counts as what it is, also where the method is wrong, or who asks was refused. */
static enum metric_handler counted(const struct match *match)
{
    return match->route ? match->route->counted : match->any ? match->any->counted : METRIC_OTHER;
}

/* For those who hear of denials. */
static const char *word_of(const struct match *match)
{
    switch (match->route ? match->route->access : ACCESS_PING) {
    case ACCESS_PULL:
        return "pull";
    case ACCESS_PUSH:
        return "push";
    case ACCESS_DELETE:
        return "delete";
    case ACCESS_CATALOG:
        return "catalog";
    case ACCESS_HEALTH:
        return "metrics";
    default:
        return "login";
    }
}

/* Whose the request is, what it wants, whether he may, and the verb. */
static void handle(const struct api *shared, struct request *request, struct api_told *told,
                   struct response *response)
{
    struct api api = *shared;
    struct match match = {0};
    struct err err;

    bool is_options = request->method == METHOD_OPTIONS;
    int result = identify(&api, request, &err);
    api.address = told->address = client_address(request, &api.rules->live.client);
    told->who = api.who;
    api.unknown = result < 0;
    if (result < 0 && route_is_probe(request->path)) { /* he has shown nothing that counts */
        api.who = (struct identity){.user = ""};
        api.how = NULL;
    }
    api.registry = access_registry(&api, request);
    match.keep = !api.rules->live.policy.deletes;
    if (is_options)
        result = answer_options(request, &match, &err);
    else if (result == 0 || route_is_probe(request->path))
        result = find_target(&api, &match, request, &err);
    struct match known = match;
    if (!match.route)
        find_route(&known, request, NULL);
    told->handler = counted(&known);
    metric_handles(told->handler);
    api.wanted = word_of(&known);
    api.target = &known.target;
    if (result == 0 && !is_options)
        result = answer(&api, request, &match, response, &err);
    if (result < 0) {
        log_failure(&api, request, &err);
        error_answer(response, &err);
        if (err.code == ERR_UNAUTHORIZED)
            challenge(&api, request, &match, response);
    }
    cached_mark(&api, request, response);
    bool is_read_only = result < 0 && err.code == ERR_READ_ONLY;
    if (is_read_only)
        match.allowed &= METHOD_GET | METHOD_HEAD;
    add_methods(&api, request, &match,
                result < 0 ? err.code == ERR_METHOD || is_read_only : is_options, response);
}

/* What clients push must never become a page on this site, in which a script runs with the login of
 * whoever looks at it. What nobody said how long to keep is asked for again each time. */
static void add_common(struct response *response)
{
    if (!response->has_caching)
        response_header(response, "Cache-Control", "no-cache");
    response_header(response, "Docker-Distribution-Api-Version", "registry/2.0");
    response_header(response, "X-Content-Type-Options", "nosniff");
    response_header(response, "Content-Security-Policy", "default-src 'none'; sandbox");
}

void route_refuse(const struct request *request, const struct err *err, struct response *response)
{
    log_info("%s: %s", request->path, err->msg);
    error_answer(response, err);
    add_common(response);
}

void route_answer(const struct api *api, struct request *request, struct api_told *told,
                  struct response *response)
{
    if (server_error_is(request) && !server_error_undo(request)) {
        server_error_answer(request, response);
        cors_add(&guard_rules(api->guard)->live.cors.origins, request, NULL, response);
    } else {
        handle(api, request, told, response);
    }
    add_common(response);
    if (request->method == METHOD_HEAD && !response->length_from_server && response->length < 0)
        response->length = response_body_len(response);
}
