/* SPDX-License-Identifier: Apache-2.0
 * L5: one question to a registry. The only user of openssl/ssl.h. */
#include "serve/ask.h"

#include "base/file.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX 65536

struct line {
    const struct ask *ask;
    int fd;
    SSL_CTX *context;
    SSL *ssl; /* NULL: plain */
};

static int fail(const struct ask *ask, const char *why, struct err *err)
{
    return err_set(err, ERR_UNREACHABLE, "%s port %s: %s", ask->host, ask->port, why);
}

static int fail_by(const struct ask *ask, int errnum, struct err *err)
{
    bool late = errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINPROGRESS;

    return fail(ask, late ? "no answer in time" : strerror(errnum), err);
}

static int open_line(struct line *line, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval patience = {.tv_sec = line->ask->seconds};
    struct addrinfo *found;
    int errnum = ECONNREFUSED;

    int failed = getaddrinfo(line->ask->host, line->ask->port, &hints, &found);
    if (failed)
        return fail(line->ask, gai_strerror(failed), err);
    for (const struct addrinfo *a = found; a && line->fd < 0; a = a->ai_next) {
        line->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (line->fd >= 0 &&
            setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
            setsockopt(line->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
            connect(line->fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        errnum = errno;
        file_close(&line->fd);
    }
    freeaddrinfo(found);
    return line->fd < 0 ? fail_by(line->ask, errnum, err) : 0;
}

static int begin_tls(struct line *line, struct err *err)
{
    if (!line->ask->tls)
        return 0;
    line->context = SSL_CTX_new(TLS_client_method());
    line->ssl = line->context ? SSL_new(line->context) : NULL;
    if (!line->ssl || !SSL_set_fd(line->ssl, line->fd))
        return err_set(err, ERR_INTERNAL, "libssl does not begin");
    SSL_set_tlsext_host_name(line->ssl, line->ask->host);
    return SSL_connect(line->ssl) == 1 ? 0 : fail(line->ask, "it speaks no TLS", err);
}

static int say(struct line *line, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    bool v6 = strchr(line->ask->host, ':');

    buf_addf(&text,
             "GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\nUser-Agent: berth health\r\n"
             "Connection: close\r\n\r\n",
             line->ask->path, v6 ? "[" : "", line->ask->host, v6 ? "]" : "", line->ask->port);
    if (line->ssl)
        return SSL_write(line->ssl, text.s, (int)text.len) == (int)text.len
                   ? 0
                   : fail(line->ask, "the connection broke off", err);
    return write(line->fd, text.s, text.len) == (ssize_t)text.len ? 0
                                                                  : fail_by(line->ask, errno, err);
}

static ssize_t hear(struct line *line, char *bytes, size_t len)
{
    if (!line->ssl)
        return read(line->fd, bytes, len);
    int n = SSL_read(line->ssl, bytes, (int)len);
    return n > 0 ? n : SSL_get_error(line->ssl, n) == SSL_ERROR_SYSCALL && errno ? -1 : 0;
}

static int hear_all(struct line *line, struct buf *answer, struct err *err)
{
    ssize_t n;

    errno = 0;
    while (answer->len < ANSWER_MAX && (n = hear(line, buf_reserve(answer, 4096), 4096)) != 0) {
        if (n < 0)
            return fail_by(line->ask, errno, err);
        answer->len += (size_t)n;
    }
    buf_addstr(answer, "");
    return 0;
}

/* "HTTP/1.0 200 OK", headers, an empty line, the body. */
static int take_apart(const struct ask *ask, const struct buf *answer, int *status,
                      struct buf *body, struct err *err)
{
    const char *end = strstr(answer->s, "\r\n\r\n");
    const char *code = strchr(answer->s, ' ');

    if (strncmp(answer->s, "HTTP/1.", 7) != 0 || !end || !code || code > end ||
        strspn(code + 1, "0123456789") != 3)
        return fail(ask, answer->len ? "no answer in HTTP: is its port for TLS?" : "no answer",
                    err);
    *status = (code[1] - '0') * 100 + (code[2] - '0') * 10 + code[3] - '0';
    buf_addstr(body, end + 4);
    return 0;
}

int ask_get(const struct ask *ask, int *status, struct buf *body, struct err *err)
{
    struct line line = {.ask = ask, .fd = -1};
    AUTO_BUF answer = BUF_INIT;

    signal(SIGPIPE, SIG_IGN);
    int result = open_line(&line, err) < 0 || begin_tls(&line, err) < 0 || say(&line, err) < 0 ||
                         hear_all(&line, &answer, err) < 0
                     ? -1
                     : take_apart(ask, &answer, status, body, err);
    SSL_free(line.ssl);
    SSL_CTX_free(line.context);
    file_close(&line.fd);
    return result;
}
