/* SPDX-License-Identifier: Apache-2.0
 * A pool to test. */
#include "unit/cgi-bin/fixture.h"

#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX 64

struct fixture_shared *fixture_shared;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
    if (!fixture_shared || !atomic_load(&fixture_shared->fork_fails))
        return __real_fork();
    errno = EAGAIN;
    return -1;
}

/* --- a worker --- */

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* Answers each byte with the same; 'x' is a request that crashes it. */
static void converse(int fd)
{
    char byte;

    while (read(fd, &byte, 1) == 1) {
        if (byte == 'x')
            raise(SIGKILL);
        if (write(fd, &byte, 1) != 1)
            break;
    }
}

static int serve(struct pool_worker *self, int listener)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t held, waiting;
    int epoll = epoll_create1(0);

    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_BLOCK, &held, &waiting);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    pool_idle(self);
    while (!stopping) {
        if (epoll_pwait(epoll, &event, 1, -1, &waiting) <= 0)
            continue;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        pool_busy(self);
        converse(fd);
        close(fd);
        pool_idle(self);
    }
    return 0;
}

static int work(struct pool_worker *self, void *context)
{
    int start = atomic_fetch_add(&fixture_shared->starts, 1);

    if (start < STARTS_MAX)
        atomic_store(&fixture_shared->started_at[start], clock_ms());
    switch (atomic_load(&fixture_shared->mode)) {
    case CANNOT_START:
        pool_cannot_start(self, "/x: this cannot be read");
        return 78;
    case DIES_BEFORE:
        raise(SIGKILL);
        return 0;
    case DIES_READY:
        pool_idle(self);
        return 3;
    default:
        return serve(self, *(int *)context);
    }
}

/* --- a pool --- */

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    void *dir;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fixture_shared = mmap(NULL, sizeof *fixture_shared, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!f || fixture_shared == MAP_FAILED || unit_dir_make(&dir) < 0)
        return -1;
    f->dir = dir;
    *state = f;
    f->address.sun_family = AF_UNIX;
    snprintf(f->address.sun_path, sizeof f->address.sun_path, "%s/sock", f->dir->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(f->listener, (struct sockaddr *)&f->address, sizeof f->address) < 0 ||
                   listen(f->listener, 100) < 0
               ? -1
               : 0;
}

static int reload(void *context)
{
    (void)context;
    return fixture_shared->reload_fails ? -1 : 0;
}

void fixture_start(struct fixture *f, int min, int max, int idle_ms)
{
    const struct pool_plan plan = {.min = min,
                                   .max = max,
                                   .idle_ms = idle_ms,
                                   .socket = f->listener,
                                   .takeover = f->takeover,
                                   .work = work,
                                   .reload = reload,
                                   .context = &f->listener};

    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(unit_path(f->dir, "log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    _exit(pool_run(&plan));
}

/* Its exit status, once it and all that it started are gone. */
int fixture_await_end(struct fixture *f)
{
    int status, of_pool = -1;
    pid_t pid;

    while ((pid = waitpid(-1, &status, 0)) > 0)
        if (pid == f->pid)
            of_pool = status;
    f->pid = 0;
    return of_pool;
}

int fixture_stop(struct fixture *f)
{
    kill(f->pid, SIGTERM);
    return fixture_await_end(f);
}

/* The pool's children, at most n; how many there are. */
static int list_children(const struct fixture *f, pid_t *pids, int n)
{
    char path[64];
    int found = 0;

    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)f->pid, (long)f->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char text[8192];
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    char *next, *at = text;
    for (long pid = strtol(at, &next, 10); next != at; pid = strtol(at, &next, 10)) {
        if (found < n)
            pids[found] = (pid_t)pid;
        found++;
        at = next;
    }
    return found;
}

static bool is_standby(pid_t pid)
{
    char path[64], name[32] = "";

    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t len = fread(name, 1, sizeof name - 1, file);
    fclose(file);
    return len > 0 && !strcmp(name, "berth-standby\n");
}

/* Its workers, at most n; how many there are. */
int fixture_list(const struct fixture *f, pid_t *pids, int n)
{
    pid_t children[CHILDREN_MAX];
    int all = list_children(f, children, CHILDREN_MAX);
    int found = 0;

    assert_true(all <= CHILDREN_MAX);
    for (int i = 0; i < all; i++) {
        if (f->takeover && is_standby(children[i]))
            continue;
        if (found < n)
            pids[found] = children[i];
        found++;
    }
    return found;
}

pid_t fixture_standby(const struct fixture *f)
{
    pid_t children[CHILDREN_MAX];
    int n = list_children(f, children, CHILDREN_MAX);

    for (int i = 0; i < n && i < CHILDREN_MAX; i++)
        if (is_standby(children[i]))
            return children[i];
    return 0;
}

int fixture_workers(const struct fixture *f)
{
    return fixture_list(f, NULL, 0);
}

/* After a failure a client may still hold a worker. */
static void kill_pool(struct fixture *f)
{
    pid_t left[CHILDREN_MAX];

    kill(f->pid, SIGSTOP); /* it starts no other then */
    int n = list_children(f, left, CHILDREN_MAX);
    for (int i = 0; i < n && i < CHILDREN_MAX; i++)
        kill(left[i], SIGKILL);
    kill(f->pid, SIGKILL);
    fixture_await_end(f);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    void *dir = f->dir;

    if (f->pid)
        kill_pool(f);
    close(f->listener);
    munmap(fixture_shared, sizeof *fixture_shared);
    free(f);
    return unit_dir_remove(&dir);
}

void fixture_sleep(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

int fixture_starts(void)
{
    return atomic_load(&fixture_shared->starts);
}

int fixture_times_logged(const struct fixture *f, const char *text)
{
    char *log = unit_get(f->dir->path, "log");
    int n = 0;

    for (const char *at = log; at && (at = strstr(at, text)); at += strlen(text))
        n++;
    free(log);
    return n;
}

/* --- a client --- */

int fixture_dial(const struct fixture *f)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(0, connect(fd, (const struct sockaddr *)&f->address, sizeof f->address));
    return fd;
}

/* Whether it is answered; false: the connection was closed. */
bool fixture_ask(int fd)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    char byte = 'q';

    ssize_t n = send(fd, &byte, 1, MSG_NOSIGNAL);
    if (n != 1)
        return false;
    assert_int_equal(1, poll(&answer, 1, PATIENCE_MS));
    return read(fd, &byte, 1) == 1;
}

/* A client that holds a worker, which has begun with it. */
int fixture_hold(const struct fixture *f)
{
    int fd = fixture_dial(f);

    assert_true(fixture_ask(fd));
    return fd;
}

void fixture_let_go(const int *held, int n)
{
    for (int i = 0; i < n; i++)
        close(held[i]);
}
