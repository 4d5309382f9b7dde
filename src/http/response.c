/* SPDX-License-Identifier: Apache-2.0
 * L1: a response as a value. */
#include "http/response.h"

#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

void response_init(struct response *response)
{
    *response = (struct response){.status = 200, .length = -1, .fd = -1};
}

void response_free(struct response *response)
{
    buf_free(&response->headers);
    buf_free(&response->text);
    free(response->pieces);
    if (response->free_made_of)
        response->free_made_of(response->made_of);
    response->free_made_of = NULL;
    if (response->fd >= 0)
        close(response->fd);
    response->fd = -1;
}

void response_reset(struct response *response)
{
    response_free(response);
    response_init(response);
}

void response_header(struct response *response, const char *name, const char *fmt, ...)
{
    AUTO_BUF value = BUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0)
        return;
    char *s = buf_reserve(&value, (size_t)len);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)len + 1, fmt, ap);
    va_end(ap);
    if (strpbrk(s, "\r\n"))
        return;
    if (!strcasecmp(name, "Content-Type"))
        response->has_type = true;
    if (!strcasecmp(name, "Cache-Control"))
        response->has_caching = true;
    buf_addf(&response->headers, "%s: %s\r\n", name, s);
}

static void add_piece(struct response *response, struct response_piece piece)
{
    if (piece.len == 0)
        return;
    *ARRAY_ADD(response->pieces, response->n_pieces) = piece;
}

void response_text(struct response *response, const void *bytes, size_t len)
{
    int64_t off = (int64_t)response->text.len;

    buf_add(&response->text, bytes, len);
    add_piece(response, (struct response_piece){false, off, (int64_t)len});
}

void response_file(struct response *response, int64_t off, int64_t len)
{
    add_piece(response, (struct response_piece){true, off, len});
}

static int count(void *to, const void *bytes, size_t len)
{
    int64_t *sum = to;

    (void)bytes;
    *sum += (int64_t)len;
    return 0;
}

void response_stream(struct response *response, response_make_fn *make, void *context,
                     void (*free_context)(void *context), int64_t len)
{
    response->make = make;
    response->made_of = context;
    response->free_made_of = free_context;
    response->made_len = len;
}

void response_make(struct response *response, response_make_fn *make, void *context,
                   void (*free_context)(void *context))
{
    int64_t len = 0;

    make(context, count, &len);
    response_stream(response, make, context, free_context, len);
}

int64_t response_body_len(const struct response *response)
{
    int64_t len = response->made_len;

    for (size_t i = 0; i < response->n_pieces; i++)
        len += response->pieces[i].len;
    return len;
}

/* The reason phrase is sent since some servers print none of their own (RFC 9110, section 15). */
static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
        {508, "Loop Detected"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].phrase;
    return "Status";
}

void response_print_headers(const struct response *response, struct buf *out)
{
    bool bodiless = response->status == 204 || response->status == 304;

    buf_addf(out, "Status: %d %s\r\n", response->status, reason_phrase(response->status));
    if (!response->has_type && !bodiless)
        buf_addstr(out, "Content-Type: text/plain\r\n");
    buf_add(out, response->headers.s, response->headers.len);
    if (!bodiless && !response->length_from_server)
        buf_addf(
            out, "Content-Length: %jd\r\n",
            (intmax_t)(response->length >= 0 ? response->length : response_body_len(response)));
    buf_addstr(out, "\r\n");
}

/* A file that shrank or cannot be read ends the reply early; the Content-Length then tells the
 * client. */
static int send_file(int fd, int64_t off, int64_t len, response_write_fn *write, void *to)
{
    static char bytes[65536]; /* one request at a time in a process */

    while (len > 0) {
        size_t want = len < (int64_t)sizeof bytes ? (size_t)len : sizeof bytes;
        ssize_t n = pread(fd, bytes, want, off);
        if (n <= 0 || write(to, bytes, (size_t)n) < 0)
            return -1;
        off += n;
        len -= n;
    }
    return 0;
}

int response_send_body(const struct response *response, response_write_fn *write, void *to)
{
    for (size_t i = 0; i < response->n_pieces; i++) {
        const struct response_piece *piece = &response->pieces[i];
        int sent = piece->from_file ? send_file(response->fd, piece->off, piece->len, write, to)
                                    : write(to, response->text.s + piece->off, (size_t)piece->len);
        if (sent < 0)
            return -1;
    }
    return response->make ? response->make(response->made_of, write, to) : 0;
}
