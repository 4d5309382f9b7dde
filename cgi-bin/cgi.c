/* SPDX-License-Identifier: Apache-2.0
 * L5: the plain CGI adapter. libfcgi has no CGI mode in its FCGX interface. */
#include "cgi.h"

#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

/* Web servers send SIGTERM when the client has gone. It must not leave a half-read body that looks
 * complete: without a Content-Length the end of input is all that tells. */
static volatile sig_atomic_t client_gone;

static void on_signal(int number)
{
    (void)number;
    client_gone = 1;
}

/* Where the client broke off, the server closes both ways at once; after a whole body it waits for
 * the reply. Its SIGTERM may come later than the end of input. */
static bool server_waits(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) <= 0 || !(out.revents & (POLLHUP | POLLERR));
}

static ssize_t read_body(void *from, void *bytes, size_t len)
{
    ssize_t n;

    (void)from;
    do {
        n = read(STDIN_FILENO, bytes, len);
    } while (n < 0 && errno == EINTR && !client_gone && !exchange_is_late());
    return client_gone || (n == 0 && !server_waits()) ? -1 : n;
}

static int write_body(void *to, const void *bytes, size_t len)
{
    const char *p = bytes;

    (void)to;
    if (client_gone)
        return -1;
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, len);
        if (n < 0 && errno == EINTR && !client_gone && !exchange_is_late())
            continue;
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

bool cgi_is_probe(void)
{
    const char *script = getenv("SCRIPT_NAME");
    const char *info = getenv("PATH_INFO");
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s%s", script ? script : "", info ? info : "");
    return route_is_probe(path.s);
}

/* Apache's mod_cgid may not read the answer before all of the body is taken; lighttpd does, and
 * there a slow client would have to send all of a layer that is refused. */
static bool reads_early(void)
{
    const char *server = getenv("SERVER_SOFTWARE");

    return server && !strncmp(server, "lighttpd/", strlen("lighttpd/"));
}

/* The server and this program then wait for each other less often. More is not to be had by users
 * with many of them. */
static void widen_pipe(void)
{
    if (fcntl(STDIN_FILENO, F_SETPIPE_SZ, 256 << 10) < 0)
        errno = 0; /* it is no pipe, or stays as it is */
}

int cgi_serve(const struct api *api)
{
    struct sigaction action = {.sa_handler = on_signal};
    const struct exchange_adapter adapter = {
        .variables = environ, .read = read_body, .write = write_body, .drain = !reads_early()};

    widen_pipe();

    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    metric_serve_once();
    exchange_run(api, &adapter);
    return EX_OK;
}
