/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: berth.fcgi and lighttpd, from their start until nothing of them is left. */
#include "serve/serve.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000 /* to answer the first request */
#define FINISH_MS                                                                                  \
    65000 /* for transfers; lighttpd breaks them off after 60 s (etc/lighttpd-berth.conf) */
#define END_MS 5000 /* to end when told so */

struct child {
    const char *name;
    pid_t group; /* of its processes: its own id */
    bool running;
    int status; /* as of waitpid(2), once it ended */
};

struct children {
    struct child workers, lighttpd;
    sigset_t unblocked;
    int signals; /* signalfd: to stop, or that a process ended */
    int log;     /* what lighttpd says */
    struct buf line;
    int asked; /* how often somebody asked to stop */
    bool serving;
};

/* Makes a descriptor one of those that a program inherits. */
static void give(int fd, int as)
{
    if (fd == as)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, as);
}

/* In the child. A session of its own: the terminal's Ctrl-C reaches this program alone, which says
 * what ends, and in which order. Its end follows even if this program is killed. */
static void detach(const struct children *children, pid_t parent)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    sigprocmask(SIG_SETMASK, &children->unblocked, NULL);
}

static void run_program(const char *const argv[])
{
    execv(argv[0], (char *const *)argv); /* which it leaves as they are */
    fprintf(stderr, "berth serve: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Forks; true in the child. */
static bool fork_child(struct children *children, struct child *child)
{
    pid_t parent = getpid();

    child->group = fork();
    child->running = child->group > 0;
    if (child->group != 0)
        return false;
    detach(children, parent);
    return true;
}

static int start_workers(struct children *children, const struct children_plan *plan,
                         struct err *err)
{
    char min[16], max[16];

    snprintf(min, sizeof min, "%d", plan->workers);
    snprintf(max, sizeof max, "%d", plan->workers_max);
    if (fork_child(children, &children->workers)) {
        const char *const argv[] = {plan->fcgi, "--workers", min, "--workers-max", max, NULL};
        give(plan->runtime->fd, STDIN_FILENO);
        run_program(argv);
    }
    return children->workers.running ? 0 : err_sys(err, errno, "fork");
}

/* The bound port goes to lighttpd in the way of systemd's socket activation: as descriptors from 3
 * on. Each is that or more, as they ascend, so none is written over before it was moved. */
static void give_port(const struct listener *listener)
{
    char pid[16], n[16];

    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(n, sizeof n, "%zu", listener->n);
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", n, 1);
    for (size_t i = 0; i < listener->n; i++)
        give(listener->sockets[i].fd, 3 + (int)i);
}

static int start_lighttpd(struct children *children, const struct children_plan *plan,
                          struct err *err)
{
    int log[2];

    if (pipe2(log, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    if (fork_child(children, &children->lighttpd)) {
        const char *const argv[] = {plan->lighttpd, "-D", "-f", plan->runtime->config.s, NULL};
        give(log[1], STDERR_FILENO);
        give_port(plan->listener);
        run_program(argv);
    }
    close(log[1]);
    children->log = log[0];
    fcntl(log[0], F_SETFL, O_NONBLOCK);
    return children->lighttpd.running ? 0 : err_sys(err, errno, "fork");
}

/* Docker tries TLS before each request, so this comes all the time; the others, berth says itself.
 */
static bool is_noise(const char *line)
{
    static const char *const noise[] = {"unexpected TLS ClientHello on clear port",
                                        "server started", "server stopped",
                                        "graceful shutdown started"};

    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++)
        if (strstr(line, noise[i]))
            return true;
    return false;
}

/* Some systems have these modules of lighttpd in packages of their own. */
static void explain_module(const char *line)
{
    if (strstr(line, "mod_openssl"))
        fputs("berth serve: TLS needs lighttpd's mod_openssl: apt install lighttpd-mod-openssl "
              "(Fedora: dnf install lighttpd-mod_openssl)\n",
              stderr);
    else if (strstr(line, "mod_auth"))
        fputs("berth serve: --htpasswd needs lighttpd's mod_auth and mod_authn_file (Alpine: apk "
              "add lighttpd-mod_auth)\n",
              stderr);
}

static void pass_on_line(struct buf *line)
{
    if (!is_noise(line->s))
        fprintf(stderr, "%s\n", line->s);
    if (strstr(line->s, "dlopen() failed"))
        explain_module(line->s);
    buf_clear(line);
}

/* Passes on what lighttpd says, line by line. */
static void pass_on_log(struct children *children)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(children->log, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n')
                pass_on_line(&children->line);
            else
                buf_addc(&children->line, bytes[i]);
        }
        if (children->line.len > sizeof bytes)
            pass_on_line(&children->line);
    }
    if (n == 0) /* it has ended: poll would report that for ever */
        file_close(&children->log);
}

static void note_end(struct child *child, pid_t pid, int status)
{
    if (child->running && pid == child->group) {
        child->running = false;
        child->status = status;
    }
}

static void reap(struct children *children)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        note_end(&children->workers, pid, status);
        note_end(&children->lighttpd, pid, status);
    }
}

/* The workers read berth.conf anew; what they are at, they finish. */
static void reload(const struct children *children)
{
    if (children->serving && children->workers.running)
        kill(children->workers.group, SIGHUP);
}

/* Waits until something happens: a signal, an end, a word of lighttpd's, input from `other` (-1:
 * there is none). Whether it was that. */
static bool attend(struct children *children, int other, int64_t timeout_ms)
{
    struct pollfd fds[] = {{.fd = children->signals, .events = POLLIN},
                           {.fd = children->log, .events = POLLIN},
                           {.fd = other, .events = POLLIN}};
    struct signalfd_siginfo info;

    if (poll(fds, sizeof fds / sizeof *fds, timeout_ms < 0 ? 0 : (int)timeout_ms) <= 0)
        return false;
    if (fds[1].revents)
        pass_on_log(children);
    if (fds[0].revents && read(children->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(children);
        else if (info.ssi_signo == SIGUSR1)
            reload(children);
        else
            children->asked++;
    }
    return fds[2].revents != 0;
}

static int say_how_it_ended(const struct child *child, struct err *err)
{
    if (WIFSIGNALED(child->status))
        return err_set(err, ERR_CONFIG, "%s ended by signal %d", child->name,
                       WTERMSIG(child->status));
    return err_set(err, ERR_CONFIG, "%s ended by itself with status %d, its messages are above",
                   child->name, WEXITSTATUS(child->status));
}

/* 0 while both run, or if somebody asked to stop. */
static int check_running(const struct children *children, struct err *err)
{
    if (children->asked)
        return 0;
    if (!children->workers.running)
        return say_how_it_ended(&children->workers, err);
    return children->lighttpd.running ? 0 : say_how_it_ended(&children->lighttpd, err);
}

static bool is_undisturbed(const struct children *children)
{
    return !children->asked && children->workers.running && children->lighttpd.running;
}

static int connect_to(const void *address, socklen_t len)
{
    int family = ((const struct sockaddr *)address)->sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, address, len) < 0) {
        int saved = errno;
        file_close(&fd);
        errno = saved;
    }
    return fd;
}

/* lighttpd makes the socket without TLS itself, so it may take a moment to be there. */
static int connect_ask(struct children *children, const struct children_plan *plan)
{
    int64_t deadline = clock_ms() + START_MS;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", plan->runtime->ask.s);
    while ((fd = connect_to(&address, sizeof address)) < 0 && is_undisturbed(children) &&
           clock_ms() < deadline)
        attend(children, -1, 10);
    return fd;
}

/* Sends a request through everything, as a client would; where lighttpd wants a login, to a path
 * for which it wants none. */
static int ask(struct children *children, const struct children_plan *plan, struct err *err)
{
    const struct listener *listener = plan->listener;
    const char *request = plan->login ? "GET /token HTTP/1.0\r\n\r\n" : "GET /v2/ HTTP/1.0\r\n\r\n";
    ssize_t len = (ssize_t)strlen(request);
    const struct listener_socket *first = &listener->sockets[0];
    int fd = plan->tls ? connect_ask(children, plan) : connect_to(&first->address, first->len);

    if (fd >= 0 && write(fd, request, (size_t)len) == len)
        return fd;
    err_sys(err, errno, "connect to %s:%d", listener->host, listener->port);
    file_close(&fd);
    return -1;
}

/* Waits for the answer to the first request, so that what is said to be served is. */
static int await_answer(struct children *children, const struct children_plan *plan,
                        struct err *err)
{
    int64_t deadline = clock_ms() + START_MS;
    char status[13] = ""; /* "HTTP/1.0 200" */
    bool answered = false;
    AUTO_FD fd = ask(children, plan, err);

    if (fd < 0)
        return check_running(children, err) < 0 ? -1 : children->asked ? 0 : -1;
    while (!answered && is_undisturbed(children) && clock_ms() < deadline)
        answered = attend(children, fd, deadline - clock_ms());
    if (answered && read(fd, status, sizeof status - 1) == sizeof status - 1 && status[9] < '5')
        return 0;
    if (answered && !*status) /* closed by one that is ending, which tells more */
        attend(children, -1, END_MS);
    if (check_running(children, err) < 0)
        return -1;
    if (children->asked)
        return 0;
    return err_set(err, ERR_INTERNAL,
                   "the first request was answered with \"%s\"; if there is a reason, it is above",
                   status);
}

/* Waits for a child to end, until patience is over or, if there are any, somebody asks again. */
static void await_end(struct children *children, const struct child *child, int patience_ms)
{
    int64_t deadline = clock_ms() + patience_ms;
    int asked = children->asked;

    while (child->running && children->asked == asked && clock_ms() < deadline)
        attend(children, -1, deadline - clock_ms());
}

static void end(struct children *children, const struct child *child)
{
    static const int signals[] = {SIGTERM, SIGKILL};

    for (size_t i = 0; child->running && i < sizeof signals / sizeof *signals; i++) {
        kill(child->group, signals[i]);
        await_end(children, child, END_MS);
    }
    if (child->group > 0)
        kill(-child->group, SIGKILL); /* what it left behind, if it could not end that itself */
}

/* lighttpd goes first: what it has taken, the workers answer. */
static void stop(struct children *children)
{
    const struct child *lighttpd = &children->lighttpd;

    if (children->asked == 1 && lighttpd->running && children->workers.running) {
        kill(lighttpd->group, SIGINT); /* take nothing new, end when all is answered */
        await_end(children, lighttpd, 1500);
        if (lighttpd->running && children->asked == 1) {
            fputs("berth serve: finishing transfers, Ctrl-C again breaks them off\n", stderr);
            await_end(children, lighttpd, FINISH_MS);
        }
    }
    end(children, lighttpd);
    end(children, &children->workers);
    /* Orphans have come to this program (PR_SET_CHILD_SUBREAPER). */
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

static int serve_until_asked(struct children *children, const struct children_plan *plan,
                             void (*ready)(const void *context), const void *context,
                             struct err *err)
{
    if (start_workers(children, plan, err) < 0 || start_lighttpd(children, plan, err) < 0 ||
        await_answer(children, plan, err) < 0)
        return -1;
    if (!children->asked)
        ready(context);
    children->serving = true;
    while (is_undisturbed(children))
        attend(children, -1, INT32_MAX);
    return check_running(children, err);
}

int children_run(const struct children_plan *plan, void (*ready)(const void *context),
                 const void *context, struct err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD};
    struct children children = {
        .workers.name = "berth.fcgi", .lighttpd.name = "lighttpd", .signals = -1, .log = -1};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&blocked, numbers[i]);
    sigprocmask(SIG_BLOCK, &blocked, &children.unblocked);
    signal(SIGPIPE, SIG_IGN); /* a terminal that has gone must not keep it from cleaning up */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    children.signals = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
    int result = children.signals < 0 ? err_sys(err, errno, "signalfd")
                                      : serve_until_asked(&children, plan, ready, context, err);
    stop(&children);
    if (children.log >= 0)
        pass_on_log(&children);
    file_close(&children.log);
    file_close(&children.signals);
    buf_free(&children.line);
    return result;
}
