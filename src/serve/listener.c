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
#define EVERYWHERE "*"

static int split(const char *text, struct listener *listener, struct err *err)
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
        return err_set(err, ERR_USAGE, "%s %s: must be ADDR:PORT, as 127.0.0.1:5000 or [::1]:5000",
                       listener->by, text);
    snprintf(listener->name, sizeof listener->name, "%.*s", (int)len, start);
    if (len == 0)
        snprintf(listener->name, sizeof listener->name, DEFAULT_HOST);
    listener->port = (int)number;
    return 0;
}

static int explain(const struct listener *listener, int errnum, const char *host, struct err *err)
{
    const char *remedy = errnum == EADDRINUSE ? " (`ss -ltnp` shows by whom), take another with "
                         : errnum == EACCES   ? ": ports below 1024 are root's, take another with "
                         : errnum == EADDRNOTAVAIL
                             ? ": no interface of this machine has that address"
                             : "";

    return err_set(err, ERR_CONFIG, "listen on %s port %d: %s%s%s", host, listener->port,
                   strerror(errnum), remedy,
                   errnum == EADDRINUSE || errnum == EACCES ? listener->by : "");
}

/* Where both kinds of addresses are taken, each has a socket. */
static int keep_to_v6(int fd, const struct sockaddr *address)
{
    int on = 1;

    return address->sa_family != AF_INET6 ||
                   setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0
               ? 0
               : -1;
}

static int listen_at(const struct sockaddr *address, socklen_t len, bool everywhere)
{
    int on = 1;
    AUTO_FD fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        (everywhere && keep_to_v6(fd, address) < 0) || bind(fd, address, len) < 0 ||
        listen(fd, 1024) < 0)
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
static int describe(struct listener *listener, struct listener_socket *one, struct err *err)
{
    struct sockaddr *address = (struct sockaddr *)&one->address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int64_t number = 0;

    one->len = sizeof one->address;
    if (getsockname(one->fd, address, &one->len) < 0)
        return err_sys(err, errno, "getsockname");
    int failed = getnameinfo(address, one->len, host, sizeof host, port, sizeof port,
                             NI_NUMERICHOST | NI_NUMERICSERV);
    if (failed)
        return err_set(err, ERR_INTERNAL, "getnameinfo: %s", gai_strerror(failed));
    bool v6 = one->address.ss_family == AF_INET6;
    snprintf(one->host, sizeof one->host, "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");
    decimal_parse(port, strlen(port), &number);
    listener->port = (int)number;
    listener->loopback = (listener->n == 1 || listener->loopback) && is_loopback(&one->address);
    listener->any = listener->any || is_any(&one->address);
    listener->host = listener->n == 1 || listener->any ? listener->sockets[0].host : listener->name;
    return 0;
}

/* Some systems list an address of a name twice. */
static bool has_address(const struct listener *listener, const char *host)
{
    for (size_t i = 0; i < listener->n; i++)
        if (!strcmp(listener->sockets[i].host, host))
            return true;
    return false;
}

/* Of port 0, all take what the first got. */
static void set_port(struct sockaddr_storage *address, int port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
}

/* 0 also where this machine has no such address. */
static int add_socket(struct listener *listener, const struct addrinfo *found, struct err *err)
{
    struct sockaddr_storage address = {0};
    char number[NI_MAXHOST], host[NI_MAXHOST + 2];
    bool v6 = found->ai_family == AF_INET6;

    if (getnameinfo(found->ai_addr, found->ai_addrlen, number, sizeof number, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return 0;
    snprintf(host, sizeof host, "%s%s%s", v6 ? "[" : "", number, v6 ? "]" : "");
    if (listener->n == LISTENER_MAX || has_address(listener, host))
        return 0;
    memcpy(&address, found->ai_addr, found->ai_addrlen);
    set_port(&address, listener->port);
    int fd = listen_at((const struct sockaddr *)&address, found->ai_addrlen,
                       !strcmp(listener->name, EVERYWHERE));
    if (fd < 0)
        return errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT
                   ? 0
                   : explain(listener, errno, number, err);
    struct listener_socket *one = &listener->sockets[listener->n++];
    one->fd = fd;
    return describe(listener, one, err);
}

int listener_open(struct listener *listener, const char *text, const char *by, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int result = 0;

    listener->by = by ? by : "--listen";
    if (split(text ? text : DEFAULT_HOST ":" DEFAULT_PORT, listener, err) < 0)
        return -1;
    bool everywhere = !strcmp(listener->name, EVERYWHERE);
    int failed =
        getaddrinfo(everywhere ? NULL : listener->name, everywhere ? "0" : NULL, &hints, &found);
    if (failed)
        return err_set(err, ERR_USAGE, "%s %s: %s", listener->by, listener->name,
                       gai_strerror(failed));
    for (const struct addrinfo *a = found; a && result == 0; a = a->ai_next)
        result = add_socket(listener, a, err);
    freeaddrinfo(found);
    if (result == 0 && listener->n == 0)
        return explain(listener, EADDRNOTAVAIL, listener->name, err);
    return result;
}

void listener_close(struct listener *listener)
{
    for (size_t i = 0; i < listener->n; i++)
        file_close(&listener->sockets[i].fd);
    listener->n = 0;
}
