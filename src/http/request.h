/* SPDX-License-Identifier: Apache-2.0
 *
 * A request as a value, made from CGI variables (RFC 3875), which FastCGI hands over too.
 *
 * Traps of web servers that this hides: the path is SCRIPT_NAME + PATH_INFO, decoded once already
 * and never again; a variable may come twice, then the first counts; an empty one means unset. A
 * FastCGI authorizer has neither of the two, and takes what the client wrote (REQUEST_URI).
 *
 * Each has an id, by which logs know it: X-Request-Id, if that is of up to 128 harmless characters.
 */
#ifndef BERTH_HTTP_REQUEST_H
#define BERTH_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_PUT = 8,
    METHOD_PATCH = 16,
    METHOD_DELETE = 32,
    METHOD_OPTIONS = 64,
    METHOD_OTHER = 128,
};

struct query_parameter {
    const char *key;
    const char *value;
};

/* Reads up to len bytes of the body: their number, 0 at its end, -1 if it broke off, BODY_LATE if
 * it takes too long. */
#define REQUEST_ID_MAX 128
#define BODY_LATE (-2)
typedef ssize_t body_read_fn(void *from, void *bytes, size_t len);

struct request {
    struct arena arena;
    char *const *variables; /* "NAME=value", NULL at the end; the adapter's */
    enum method method;
    const char *id;     /* X-Request-Id, or what is made in its place */
    const char *path;   /* decoded once */
    bool is_authorizer; /* the web server asks whether it may take the body (FastCGI, 6.3) */
    struct query_parameter *query;
    size_t n_query;
    int64_t content_length;  /* bytes, -1: unknown */
    const char *remote_user; /* whom the web server verified; "" is nobody */
    body_read_fn *body_read;
    void *body_from;
    int64_t body_seen; /* bytes read so far */
    int body_seconds;  /* within which all of it must arrive, set before it is read; 0: for ever */
};

/* Makes a request of the variables. Strings live in request->arena; request_free afterwards, also
 * after an error. REQUEST_INVALID. */
int request_init(struct request *request, char *const *variables, body_read_fn *body_read,
                 void *body_from, struct err *err);
void request_free(struct request *request);

/* A CGI variable, NULL if it is unset or empty. */
const char *request_variable(const struct request *request, const char *name);
/* Whether it comes more than once: CGI has one name for "Content-Length" and "Content_Length", and
 * some servers hand over both, in any order. */
bool request_is_ambiguous(const struct request *request, const char *name);
/* All that comes of that name, in this order, as the elements of one list: nginx before 1.23 hands
 * over each line of a header by itself. In the arena; NULL as above. */
const char *request_list(struct request *request, const char *name);
/* A header, by its CGI name ("HTTP_IF_MATCH"): the same thing, for readers. */
#define request_header(request, cgi_name) request_variable(request, cgi_name)

/* Adds the parameters of a form body (application/x-www-form-urlencoded) to those of the query.
 * REQUEST_INVALID. */
int request_add_parameters(struct request *request, const char *text, struct err *err);

/* The first parameter of that name, decoded, or NULL. */
const char *request_parameter(const struct request *request, const char *key);

/* Reads the next bytes of the body: their number, or 0 when all of it was read. SIZE_INVALID if the
 * client or the server broke it off, or it is not as long as Content-Length says: what was read
 * then must not be used. REQUEST_TIMEOUT. */
ssize_t request_read(struct request *request, void *bytes, size_t len, struct err *err);

#endif
