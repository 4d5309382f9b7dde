/* SPDX-License-Identifier: Apache-2.0
 * L1: a request from CGI variables. */
#include "http/request.h"

#include "base/buf.h"
#include "base/decimal.h"
#include "base/percent.h"
#include "base/uuid.h"

#include <string.h>

/* The next of that name, or the end. */
static char *const *find_variable(char *const *variables, const char *name)
{
    size_t len = strlen(name);

    while (*variables && (strncmp(*variables, name, len) != 0 || (*variables)[len] != '='))
        variables++;
    return variables;
}

const char *request_variable(const struct request *request, const char *name)
{
    const char *variable = *find_variable(request->variables, name);
    const char *value = variable ? variable + strlen(name) + 1 : "";

    return *value ? value : NULL;
}

bool request_is_ambiguous(const struct request *request, const char *name)
{
    char *const *first = find_variable(request->variables, name);

    return *first && *find_variable(first + 1, name);
}

const char *request_list(struct request *request, const char *name)
{
    AUTO_BUF list = BUF_INIT;

    for (char *const *one = find_variable(request->variables, name); *one;
         one = find_variable(one + 1, name)) {
        if (list.len)
            buf_addstr(&list, ", ");
        buf_addstr(&list, *one + strlen(name) + 1);
    }
    return list.len ? arena_strndup(&request->arena, list.s, list.len) : NULL;
}

static enum method parse_method(const char *s)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {
        {"GET", METHOD_GET},         {"HEAD", METHOD_HEAD},   {"POST", METHOD_POST},
        {"PUT", METHOD_PUT},         {"PATCH", METHOD_PATCH}, {"DELETE", METHOD_DELETE},
        {"OPTIONS", METHOD_OPTIONS},
    };

    for (size_t i = 0; s && i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(s, methods[i].name))
            return methods[i].method;
    return METHOD_OTHER;
}

/* One side of `key=value`, decoded. A NUL would hide what follows it. */
static const char *decode_part(struct request *request, const char *s, size_t len, struct err *err)
{
    AUTO_BUF decoded = BUF_INIT;

    buf_addstr(&decoded, "");
    if (!percent_decode_query(&decoded, s, len) || memchr(decoded.s, '\0', decoded.len)) {
        err_set(err, ERR_REQUEST_INVALID, "broken %%-escape in the URL");
        return NULL;
    }
    return arena_strndup(&request->arena, decoded.s, decoded.len);
}

int request_add_parameters(struct request *request, const char *query, struct err *err)
{
    struct query_parameter *before = request->query;
    size_t n = request->n_query + 1;

    for (const char *c = query; *c; c++)
        n += *c == '&';
    request->query = arena_alloc(&request->arena, n * sizeof *request->query);
    if (request->n_query)
        memcpy(request->query, before, request->n_query * sizeof *before);
    while (*query) {
        size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        size_t key_len = equals ? (size_t)(equals - query) : len;
        struct query_parameter *parameter = &request->query[request->n_query];
        if (len > 0) {
            size_t value_len = equals ? len - key_len - 1 : 0;
            parameter->key = decode_part(request, query, key_len, err);
            parameter->value =
                decode_part(request, equals ? equals + 1 : query + len, value_len, err);
            if (!parameter->key || !parameter->value)
                return -1;
            request->n_query++;
        }
        query += len + (query[len] == '&');
    }
    return 0;
}

/* Those of another program go into lines of logs and headers as they are. */
static const char *choose_id(struct request *request)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_.:+/=~@";
    const char *given = request_header(request, "HTTP_X_REQUEST_ID");
    char made[UUID_SIZE];

    if (given && strlen(given) <= REQUEST_ID_MAX && !given[strspn(given, harmless)])
        return given;
    uuid_make(made);
    return arena_strndup(&request->arena, made, sizeof made - 1);
}

static int path_of_authorizer(struct request *request, struct err *err)
{
    const char *uri = request_variable(request, "REQUEST_URI");

    uri = uri ? uri : "";
    request->path = decode_part(request, uri, strcspn(uri, "?"), err);
    return request->path ? 0 : -1;
}

int request_init(struct request *request, char *const *variables, body_read_fn *body_read,
                 void *body_from, struct err *err)
{
    *request = (struct request){
        .variables = variables,
        .content_length = -1,
        .body_read = body_read,
        .body_from = body_from,
    };
    const char *script = request_variable(request, "SCRIPT_NAME");
    const char *info = request_variable(request, "PATH_INFO");
    const char *query = request_variable(request, "QUERY_STRING");
    const char *length = request_variable(request, "CONTENT_LENGTH");
    const char *user = request_variable(request, "REMOTE_USER");
    const char *role = request_variable(request, "FCGI_ROLE");

    request->id = choose_id(request);
    request->method = parse_method(request_variable(request, "REQUEST_METHOD"));
    request->path = arena_printf(&request->arena, "%s%s", script ? script : "", info ? info : "");
    request->remote_user = user ? user : "";
    request->is_authorizer = role && !strcmp(role, "AUTHORIZER");
    if (request->is_authorizer && !script && !info && path_of_authorizer(request, err) < 0)
        return -1;
    if (length && !decimal_parse(length, strlen(length), &request->content_length))
        return err_set(err, ERR_REQUEST_INVALID, "Content-Length is no number");
    return query ? request_add_parameters(request, query, err) : 0;
}

void request_free(struct request *request)
{
    arena_free(&request->arena);
}

const char *request_parameter(const struct request *request, const char *key)
{
    for (size_t i = 0; i < request->n_query; i++)
        if (!strcmp(request->query[i].key, key))
            return request->query[i].value;
    return NULL;
}

ssize_t request_read(struct request *request, void *bytes, size_t len, struct err *err)
{
    ssize_t n = request->body_read(request->body_from, bytes, len);

    if (n == BODY_LATE)
        return err_set(err, ERR_REQUEST_TIMEOUT, "the body did not arrive in time");
    if (n < 0)
        return err_set(err, ERR_SIZE_INVALID, "the request body broke off after %jd bytes",
                       (intmax_t)request->body_seen);
    request->body_seen += n;
    if (request->content_length >= 0 && (n == 0 ? request->body_seen != request->content_length
                                                : request->body_seen > request->content_length))
        return err_set(err, ERR_SIZE_INVALID,
                       "the request body has %jd bytes so far, but Content-Length says %jd",
                       (intmax_t)request->body_seen, (intmax_t)request->content_length);
    return n;
}
