/* SPDX-License-Identifier: Apache-2.0
 * L5: the FastCGI adapter. */
#include "fastcgi.h"

#include "base/log.h"
#include "exchange.h"
#include "peer.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* Signals to stop are taken only while waiting for a connection: libfcgi gives up a read that a
 * signal interrupts, and a request that has begun is to be finished. Returns the mask to wait with.
 */
static sigset_t hold_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGINT};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t held, waiting;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&held, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &waiting);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigdelset(&waiting, numbers[i]);
    signal(SIGPIPE, SIG_IGN);
    return waiting;
}

/* A body that the client or the server broke off ends like a complete one, but for this error. */
static ssize_t read_body(void *from, void *bytes, size_t len)
{
    FCGX_Stream *in = from;

    int n = FCGX_GetStr(bytes, (int)len, in);
    return n == 0 && FCGX_GetError(in) != 0 ? -1 : n;
}

static int write_body(void *to, const void *bytes, size_t len)
{
    if (len == 0)
        return FCGX_FFlush(to) == 0 ? 0 : -1;
    return FCGX_PutStr(bytes, (int)len, to) == (int)len ? 0 : -1;
}

/* Once for each that comes again and again: it is a mistake in the configuration, or an attack. */
static void say_refused(const struct err *why)
{
    static char said[sizeof why->msg];

    if (strcmp(said, why->msg) != 0)
        log_error("a connection is refused: %s", why->msg);
    memcpy(said, why->msg, sizeof said);
}

static int add_answer(void *to, const void *bytes, size_t len)
{
    buf_add(to, bytes, len);
    return 0;
}

/* A record of the FastCGI specification, section 3.3. All servers that we know give the only
 * request of a connection the number 1. */
static void add_record(struct buf *records, unsigned char type, const void *content, size_t len)
{
    const unsigned char head[8] = {1, type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len};

    buf_add(records, head, sizeof head);
    buf_add(records, content, len);
}

enum { END_REQUEST = 3, STDOUT = 6 };

/* Answers somebody who is not asked what he wants: he would hold a worker for as long as he
 * likes. */
static void refuse(int connection, const struct err *why)
{
    static int refused = -1; /* may read the answer until somebody else is refused */
    static char *const variables[] = {NULL};
    static const char end[8];
    AUTO_BUF answer = BUF_INIT, records = BUF_INIT;
    const struct exchange_adapter adapter = {
        .variables = variables, .write = add_answer, .to = &answer};

    say_refused(why);
    exchange_refuse(&adapter, why);
    add_record(&records, STDOUT, answer.s, answer.len);
    add_record(&records, STDOUT, "", 0);
    add_record(&records, END_REQUEST, end, sizeof end);
    if (send(connection, records.s, records.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
        shutdown(connection, SHUT_WR) < 0)
        log_debug("who was refused does not take the answer: %s", strerror(errno));
    file_close(&refused);
    refused = connection;
}

#define BREAK_OFF_MS 2000 /* room may take so long to come */

static void serve_one(const struct api *api, FCGX_Request *fcgi)
{
    const struct exchange_adapter adapter = {.variables = fcgi->envp,
                                             .read = read_body,
                                             .from = fcgi->in,
                                             .write = write_body,
                                             .to = fcgi->out};

    /* libfcgi would wait with what it still has. */
    if (!exchange_run(api, &adapter))
        peer_break_off(fcgi->ipcFd, BREAK_OFF_MS);
    FCGX_Finish_r(fcgi);
    FCGX_Free(fcgi, 1); /* also a connection that the server would keep */
}

/* An epoll descriptor that wakes one of the processes that wait for the socket's next connection;
 * -1 on error. */
static int watch_socket(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    /* Another process may be faster to take the connection: then accept(2) must not wait for the
     * next. */
    if (flags < 0 || fcntl(STDIN_FILENO, F_SETFL, flags | O_NONBLOCK) < 0 || epoll < 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) {
        file_close(&epoll);
        return -1;
    }
    return epoll;
}

static int cannot_serve(struct pool_worker *worker)
{
    AUTO_BUF why = BUF_INIT;

    buf_addf(&why, "the socket at descriptor 0 cannot be served: %s", strerror(errno));
    pool_cannot_start(worker, why.s);
    return EX_OSERR;
}

#define SILENCE_MS 2000 /* a server begins to speak sooner, says libfcgi, too */

/* As FCGX_Accept_r, but who connects is looked at before he is listened to: what libfcgi has as
 * its connection already it does not take from the socket, if that is one to be kept. It must not
 * take another one, where this one says nothing of use. */
static int accept_known(const struct peers *peers, FCGX_Request *fcgi)
{
    int connection = accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC);
    struct pollfd speaks = {.fd = connection, .events = POLLIN};
    struct err why;

    if (connection < 0)
        return -errno;
    if (peer_check(peers, connection, &why) < 0) {
        refuse(connection, &why);
        return -ECONNABORTED;
    }
    if (poll(&speaks, 1, SILENCE_MS) <= 0) {
        file_close(&connection);
        return -ECONNABORTED;
    }
    fcgi->ipcFd = connection;
    fcgi->keepConnection = 1;
    fcgi->listen_sock = -1;
    int accepted = FCGX_Accept_r(fcgi);
    return accepted == -EBADF ? -ECONNABORTED : accepted;
}

/* Takes the connection that is waiting, unless another process was faster. Returns an exit code.
 */
static int take_one(const struct api *api, const struct peers *peers, FCGX_Request *fcgi)
{
    /* Both read the variables, too, and wait for them. */
    int accepted = peers->n ? accept_known(peers, fcgi) : FCGX_Accept_r(fcgi);

    if (accepted >= 0) {
        serve_one(api, fcgi);
    } else if (accepted != -EAGAIN && accepted != -EINTR && accepted != -ECONNABORTED) {
        log_error("accept: %s", strerror(-accepted));
        return EX_OSERR;
    }
    return EX_OK;
}

static int serve(const struct api *api, const struct peers *peers, struct pool_worker *worker)
{
    FCGX_Request fcgi;
    int code = EX_OK;
    AUTO_FD epoll = watch_socket();

    if (epoll < 0 || FCGX_Init() != 0 ||
        FCGX_InitRequest(&fcgi, STDIN_FILENO, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
        return cannot_serve(worker);
    stopping = 0; /* in the child of a worker that has become the parent it is not */
    const sigset_t waiting = hold_signals(); /* after FCGX_Init, which has a handler for SIGUSR1 */
    metric_serve();
    pool_idle(worker);
    while (!stopping && code == EX_OK) {
        struct epoll_event event;
        if (epoll_pwait(epoll, &event, 1, -1, &waiting) <= 0)
            continue;
        pool_busy(worker);
        metric_busy();
        code = take_one(api, peers, &fcgi);
        metric_idle();
        pool_idle(worker);
    }
    return code;
}

int fastcgi_serve(const struct api *api, struct pool_worker *worker)
{
    struct peers peers = {0};
    struct err err;
    int code = EX_CONFIG;

    if (peer_find(&peers, &api->frozen->api.socket_users, &err) == 0)
        code = serve(api, &peers, worker);
    else
        pool_cannot_start(worker, err.msg);
    peer_free(&peers);
    return code;
}
