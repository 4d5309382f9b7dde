/* SPDX-License-Identifier: Apache-2.0
 *
 * One request of HTTP to another host, and its answer, within limits. Wraps libcurl, which nobody
 * else includes. Redirections are not followed, passwords are nobody's but the caller's: what it
 * puts into `headers` is sent to the host of `url` and to no other. Proxies are those of the
 * environment (http_proxy, https_proxy, all_proxy, no_proxy, and in capitals but for http_proxy).
 * Nothing is decompressed, and nothing is asked for compressed.
 *
 * A client keeps its connections open between requests. It belongs to one thread of one process:
 * open it after fork.
 *
 * Errors: UPSTREAM_NETWORK (no such name, no connection, broken off), UPSTREAM_TIMEOUT,
 * UPSTREAM_TLS, UPSTREAM_CONTENT (no HTTP, longer than it may be), and what callbacks set. No
 * message has a header or the query of a URL in it.
 */
#ifndef BERTH_REMOTE_HTTP_CLIENT_H
#define BERTH_REMOTE_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "remote/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings and files are the caller's until http_client_close. */
struct http_client_options {
    const char *user_agent;
    const char *ca_file;         /* PEM, instead of the system's, and beside it for others'
                                  * hosts; NULL: the system's */
    const char *certificate;     /* PEM, of the client; NULL: none */
    const char *key;             /* PEM, of the certificate; NULL: in the same file */
    bool accept_any_certificate; /* of the server */
    int connect_seconds;         /* name, connection and TLS; 0: 15 */
    int stall_seconds;           /* slower than stall_bytes a second for so long; 0: 30 */
    int64_t stall_bytes;         /* 0: 1024 */
};

struct http_client;
/* CONFIG: a file cannot be read. */
struct http_client *http_client_open(const struct http_client_options *options, struct err *err);
void http_client_close(struct http_client *client);

/* All headers of an answer together: more is UPSTREAM_CONTENT. */
#define HTTP_CLIENT_HEADERS_MAX 65536
/* Of the body of an answer that is no success so much is kept, and the rest is not waited for. */
#define HTTP_CLIENT_COMPLAINT_MAX 16384

struct http_client_answer {
    int status;               /* 200 to 599 */
    struct strings headers;   /* "Name: value", in their order */
    struct buf body;          /* unless it went to a sink */
    bool has_class;           /* false: through a proxy */
    enum address_class class; /* of the address that answered */
};
/* Set to {0}; frees what is in it, and returns it to that state. */
void http_client_answer_free(struct http_client_answer *answer);
#define AUTO_HTTP_ANSWER __attribute__((cleanup(http_client_answer_free))) struct http_client_answer
/* The value of the first header of that name, whatever its case, from *at on, which moves behind
 * it; at may be NULL. NULL: there is none. */
const char *http_client_header(const struct http_client_answer *answer, const char *name,
                               size_t *at);
/* The length that the answer says it has; -1: it does not say. */
int64_t http_client_length(const struct http_client_answer *answer);

/* Where the body of a success (200 to 299) goes. -1 with *err set ends the request with it. */
struct http_client_sink {
    /* Status and headers are there; before the first byte, also where there is none. */
    int (*begin)(void *context, const struct http_client_answer *answer, struct err *err);
    int (*write)(void *context, const void *bytes, size_t len, struct err *err);
    int (*end)(void *context, struct err *err); /* nothing more comes; NULL will do */
    void *context;
};

struct http_client_request {
    const char *method;         /* "GET", "HEAD", "POST", ... */
    const char *url;            /* as url_parse takes it */
    const char *const *headers; /* "Name: value", up to a NULL; NULL: none */
    const void *body;           /* NULL: none */
    size_t body_len;
    bool is_http1;    /* HTTP/1.1 and no other: one stream of HTTP/2 is slower */
    bool is_foreign;  /* of another host: the client's certificate is not shown to it */
    int total_ms;     /* for all of it; 0: as long as it moves */
    int64_t rate_max; /* bytes a second that are taken; 0: any. It is no stall to be that slow */
    size_t body_max;  /* of a success; more is UPSTREAM_CONTENT */
    const struct http_client_sink *sink; /* NULL: answer->body */
    /* Connects only where one of this class may lead (remote/address.h); the name is looked up
     * once, so that it cannot lead elsewhere later. A proxy decides for itself: there only
     * addresses in the URL are looked at. NULL: anywhere. */
    const enum address_class *led_by;
};

/* Fills *answer, which was {0} or http_client_answer_free'd. UPSTREAM_REDIRECT: not there
 * (led_by). */
int http_client_send(struct http_client *client, const struct http_client_request *request,
                     struct http_client_answer *answer, struct err *err);

#endif
