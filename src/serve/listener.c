/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: the port. */
#include "serve/serve.h"

#include "base/decimal.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT "5000"

static int split(const char *text, char host[NI_MAXHOST], char port[8], struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *start = text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    const char *digits = colon ? colon + 1 : text;
    int64_t number;

    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        start++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        len = NI_MAXHOST; /* which of its colons would be the last? */
    }
    if (!decimal_parse(digits, strlen(digits), &number) || number > 65535 || len >= NI_MAXHOST)
        return err_set(err, ERR_USAGE,
                       "--listen %s: must be ADDR:PORT, as 127.0.0.1:5000 or [::1]:5000", text);
    snprintf(host, NI_MAXHOST, "%.*s", (int)len, start);
    if (len == 0)
        snprintf(host, NI_MAXHOST, DEFAULT_HOST);
    snprintf(port, 8, "%d", (int)number);
    return 0;
}

static int explain(int errnum, const char *host, const char *port, struct err *err)
{
    const char *remedy =
        errnum == EADDRINUSE      ? " (`ss -ltnp` shows by whom), take another with --listen"
        : errnum == EACCES        ? ": ports below 1024 are root's, take another with --listen"
        : errnum == EADDRNOTAVAIL ? ": no interface of this machine has that address"
                                  : "";

    return err_set(err, ERR_CONFIG, "listen on %s port %s: %s%s", host, port, strerror(errnum),
                   remedy);
}

static int listen_at(const struct addrinfo *address)
{
    int on = 1;
    AUTO_FD fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 1024) < 0)
        return -1;
    int listening = fd;
    fd = -1;
    return listening;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool is_any(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    return v4->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* What it got, in numbers. */
static int describe(struct listener *listener, struct err *err)
{
    struct sockaddr *address = (struct sockaddr *)&listener->address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int64_t number = 0;

    listener->len = sizeof listener->address;
    if (getsockname(listener->fd, address, &listener->len) < 0)
        return err_sys(err, errno, "getsockname");
    int failed = getnameinfo(address, listener->len, host, sizeof host, port, sizeof port,
                             NI_NUMERICHOST | NI_NUMERICSERV);
    if (failed)
        return err_set(err, ERR_INTERNAL, "getnameinfo: %s", gai_strerror(failed));
    bool v6 = listener->address.ss_family == AF_INET6;
    snprintf(listener->host, sizeof listener->host, "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");
    decimal_parse(port, strlen(port), &number);
    listener->port = (int)number;
    listener->loopback = is_loopback(&listener->address);
    listener->any = is_any(&listener->address);
    return 0;
}

int listener_open(struct listener *listener, const char *text, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char host[NI_MAXHOST], port[8];

    if (split(text ? text : DEFAULT_HOST ":" DEFAULT_PORT, host, port, err) < 0)
        return -1;
    snprintf(listener->name, sizeof listener->name, "%s", host);
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed)
        return err_set(err, ERR_USAGE, "--listen %s: %s", host, gai_strerror(failed));
    for (const struct addrinfo *a = found; a && listener->fd < 0; a = a->ai_next)
        listener->fd = listen_at(a);
    int saved = errno;
    freeaddrinfo(found);
    return listener->fd < 0 ? explain(saved, host, port, err) : describe(listener, err);
}

void listener_close(struct listener *listener)
{
    file_close(&listener->fd);
}
