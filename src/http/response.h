/* SPDX-License-Identifier: Apache-2.0
 *
 * A response as a value: status, headers, and a body of pieces, each bytes in memory or a part of
 * an open file.
 */
#ifndef BERTH_HTTP_RESPONSE_H
#define BERTH_HTTP_RESPONSE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct response_piece {
    bool from_file;
    int64_t off; /* in the file, or in `text` */
    int64_t len; /* bytes */
};

/* Hands a body to `write` in order, in parts of at most 64 KiB; ends at its first -1 and returns
 * that. */
typedef int response_write_fn(void *to, const void *bytes, size_t len);
/* The same of a body that is made while it is sent, each time alike. */
typedef int response_make_fn(void *context, response_write_fn *write, void *to);

struct response {
    int status;
    struct buf headers; /* lines, each with CRLF; without Status and Content-Length */
    bool has_type;      /* a Content-Type was set */
    bool has_caching;   /* a Cache-Control was set */
    int64_t length;     /* what Content-Length says if not the body's length, as for HEAD; -1: the
                           body's length */
    bool length_from_server; /* the web server adds the body (X-Sendfile) and with it the length */
    struct buf text;
    int fd; /* for pieces from a file; closed by response_free; -1: none */
    struct response_piece *pieces;
    size_t n_pieces;
    response_make_fn *make; /* behind the pieces; NULL: nothing more */
    void *made_of;
    void (*free_made_of)(void *made_of);
    int64_t made_len;
};

void response_init(struct response *response); /* 200, no body */
void response_free(struct response *response);
void response_reset(
    struct response *response); /* as response_init left it, for an error after all */

/* Adds a header; one whose value would break the line is left out. */
void response_header(struct response *response, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to the body. */
void response_text(struct response *response, const void *bytes, size_t len);
void response_file(struct response *response, int64_t off, int64_t len);
/* Ends the body with what is made while it is sent, so that it need not be in memory; it is made
 * once more here, to know its length. context is freed with the response. */
void response_make(struct response *response, response_make_fn *make, void *context,
                   void (*free_context)(void *context));

/* The same for a body whose length is known, and which may be made but once. Where it has to wait
 * for its bytes it writes none at all now and then (len 0), which keeps the client's time from
 * running out, and sends on what was written. */
void response_stream(struct response *response, response_make_fn *make, void *context,
                     void (*free_context)(void *context), int64_t len);

/* The bytes of the body. */
int64_t response_body_len(const struct response *response);

/* Appends the complete header section in CGI form (RFC 3875, section 6: Status, then the rest, then
 * an empty line). */
void response_print_headers(const struct response *response, struct buf *out);

/* Sends the body: response_write_fn. */
int response_send_body(const struct response *response, response_write_fn *write, void *to);

#endif
