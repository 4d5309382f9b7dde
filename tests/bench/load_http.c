/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 as the generator needs it: requests on a connection that is kept. */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)256 << 10)
#define CHUNK ((size_t)32 << 10) /* as clients written in Go copy */
#define HEAD_SIZE 2048

static void dial(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)connection->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0)
        DIE("connect: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!connection->buffer)
        connection->buffer = malloc(BUFFER_SIZE);
    if (!connection->buffer)
        DIE("no memory");
    connection->used = connection->filled = 0;
}

static void hang_up(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
}

/* Who is answered before the end may find nobody who reads on: the answer says why. */
static void send_all(struct connection *connection, struct iovec *pieces, int n)
{
    while (n > 0) {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)n};
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        if (sent < 0)
            DIE("send: %s", strerror(errno));
        for (; n > 0 && (size_t)sent >= pieces->iov_len; pieces++, n--)
            sent -= (ssize_t)pieces->iov_len;
        if (n > 0) {
            pieces->iov_base = (char *)pieces->iov_base + sent;
            pieces->iov_len -= (size_t)sent;
        }
    }
}

static struct iovec piece_of(const char *bytes, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)bytes, len};
}

static void send_chunks(struct connection *connection, const char *bytes, size_t len)
{
    char size[32];

    for (size_t at = 0; at < len; at += CHUNK) {
        size_t n = len - at < CHUNK ? len - at : CHUNK;
        int digits = snprintf(size, sizeof size, "%zx\r\n", n);
        struct iovec pieces[] = {piece_of(size, (size_t)digits), piece_of(bytes + at, n),
                                 piece_of("\r\n", 2)};
        send_all(connection, pieces, 3);
    }
}

static void send_request(struct connection *connection, const char *method, const char *target,
                         const char *headers, const struct body *body)
{
    char head[HEAD_SIZE], length[64] = "";

    if (body && body->chunked)
        snprintf(length, sizeof length, "Transfer-Encoding: chunked\r\n");
    else if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", body->start_len + body->end_len);
    int len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n",
                       method, target, connection->port, headers, length);
    if (len >= (int)sizeof head)
        DIE("%s is too long", target);
    struct iovec pieces[3] = {piece_of(head, (size_t)len)};
    int n = 1;
    if (body && !body->chunked) {
        pieces[n++] = piece_of(body->start, body->start_len);
        pieces[n++] = piece_of(body->end, body->end_len);
    }
    send_all(connection, pieces, n);
    if (body && body->chunked) {
        send_chunks(connection, body->start, body->start_len);
        send_chunks(connection, body->end, body->end_len);
        struct iovec end = piece_of("0\r\n\r\n", 5);
        send_all(connection, &end, 1);
    }
}

/* More bytes behind what is there; false at the end. */
static bool fill(struct connection *connection)
{
    if (connection->used > 0) {
        connection->filled -= connection->used;
        memmove(connection->buffer, connection->buffer + connection->used, connection->filled);
        connection->used = 0;
    }
    if (connection->filled == BUFFER_SIZE)
        DIE("an answer's header or chunk is too long");
    ssize_t got = recv(connection->fd, connection->buffer + connection->filled,
                       BUFFER_SIZE - connection->filled, 0);
    if (got < 0 && errno != ECONNRESET)
        DIE("receive: %s", strerror(errno));
    connection->filled += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* The next line, without its end, which stays in the buffer until the next call. NULL at the end.
 */
static char *line(struct connection *connection)
{
    for (;;) {
        char *start = connection->buffer + connection->used;
        size_t len = connection->filled - connection->used;
        char *end = memchr(start, '\n', len);
        if (end) {
            connection->used += (size_t)(end - start) + 1;
            *end = '\0';
            if (end > start && end[-1] == '\r')
                end[-1] = '\0';
            return start;
        }
        if (!fill(connection))
            return NULL;
    }
}

static void skip(struct connection *connection, int64_t len)
{
    for (;;) {
        int64_t there = (int64_t)(connection->filled - connection->used);
        int64_t n = there < len ? there : len;
        connection->used += (size_t)n;
        len -= n;
        if (len == 0)
            return;
        if (!fill(connection))
            DIE("an answer broke off");
    }
}

static int64_t skip_chunks(struct connection *connection)
{
    int64_t total = 0;

    for (;;) {
        const char *size = line(connection);
        if (!size)
            DIE("an answer broke off");
        int64_t n = strtoll(size, NULL, 16);
        skip(connection, n);
        if (!line(connection))
            DIE("an answer broke off");
        if (n == 0)
            return total;
        total += n;
    }
}

struct answer {
    int status;
    int64_t length; /* -1: not said */
    bool chunked, closes;
};

static const char *value_of(const char *header, const char *name)
{
    size_t len = strlen(name);

    return !strncasecmp(header, name, len) && header[len] == ':'
               ? header + len + 1 + strspn(header + len + 1, " ")
               : NULL;
}

/* Some give it with scheme and host. */
static void keep_location(struct connection *connection, const char *location)
{
    const char *path = strstr(location, "://");

    path = path ? strchr(path + 3, '/') : location;
    snprintf(connection->location, sizeof connection->location, "%s", path ? path : "/");
}

static bool read_head(struct connection *connection, struct answer *answer)
{
    const char *header = line(connection);
    const char *value;

    if (!header)
        return false;
    *answer = (struct answer){.length = -1};
    answer->status = strlen(header) > 9 ? (int)strtol(header + 9, NULL, 10) : 0;
    while ((header = line(connection)) && *header) {
        if ((value = value_of(header, "Content-Length")))
            answer->length = strtoll(value, NULL, 10);
        else if (value_of(header, "Transfer-Encoding"))
            answer->chunked = true;
        else if ((value = value_of(header, "Connection")))
            answer->closes = !strcasecmp(value, "close");
        else if ((value = value_of(header, "Location")))
            keep_location(connection, value);
    }
    if (!header)
        DIE("an answer broke off");
    return true;
}

static int64_t read_body(struct connection *connection, const struct answer *answer,
                         const char *method)
{
    if (!strcmp(method, "HEAD") || answer->status == 204 || answer->status == 304)
        return 0;
    if (answer->chunked)
        return skip_chunks(connection);
    if (answer->length < 0)
        DIE("an answer without a length");
    skip(connection, answer->length);
    return answer->length;
}

int64_t http(struct connection *connection, const char *method, const char *target,
             const char *headers, const struct body *body, int status)
{
    struct answer answer;

    /* One that is kept may have been closed meanwhile, which is seen when nothing comes back. */
    bool kept = connection->fd >= 0;
    if (!kept)
        dial(connection);
    send_request(connection, method, target, headers, body);
    if (!read_head(connection, &answer)) {
        if (!kept || (body && body->start_len > CHUNK))
            DIE("%s %s: no answer", method, target);
        hang_up(connection);
        dial(connection);
        send_request(connection, method, target, headers, body);
        if (!read_head(connection, &answer))
            DIE("%s %s: no answer", method, target);
    }
    if (answer.status != status)
        DIE("%s %s: %d, not %d: %.*s", method, target, answer.status, status,
            (int)(connection->filled - connection->used > 300
                      ? 300
                      : connection->filled - connection->used),
            connection->buffer + connection->used);
    int64_t received = read_body(connection, &answer, method);
    connection->requests++;
    connection->received += received;
    if (answer.closes)
        hang_up(connection);
    return received;
}
