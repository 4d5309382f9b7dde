/* SPDX-License-Identifier: Apache-2.0
 * L5: the prefork pool. */
#include "pool.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Idle workers that there are to be while others are busy: when one of them is taken, another is
 * started before the last one is. */
#define SPARE 2

/* What ps(1) shows of a process that waits for its parent's death, and of one that has done so. */
#define STANDBY_NAME "berth-standby"
#define PARENT_NAME "berth.fcgi"

/* A worker that ends sooner than this did not really start. */
#define YOUNG_MS 1000

#define PAUSE_MS 100     /* after the first failure, doubled by each that follows */
#define REFUSE_AFTER 4   /* failures: clients have waited for 0.7 s then */
#define FORGET_MS 600000 /* what was said so long ago is said again */

enum kind { NOT_READY, NOT_ALIVE, NO_FORK, KINDS };
static const struct {
    const char *what;
    int64_t pause_max; /* ms */
} kinds[] = {
    [NOT_READY] = {"workers cannot start", 10000},
    [NOT_ALIVE] = {"a worker ended at once", 1000},
    [NO_FORK] = {"fork", 1000},
};

enum state {
    FREE, /* no worker */
    STARTING,
    IDLE,
    BUSY,
};

/* In shared memory. A place is one worker's. Of what is not used, no page is ever touched. */
struct board {
    int max;
    int wake; /* eventfd: look at the board */
    atomic_uchar state[POOL_MAX];
    atomic_llong idle_since[POOL_MAX]; /* as of clock_ms */
    char why[POOL_MAX][sizeof((struct err *)NULL)->msg];
};

struct pool_worker {
    struct board *board;
    int place;
};

struct child {
    pid_t pid; /* 0: there is none */
    int64_t started;
    bool told; /* to go */
};

struct trouble {
    int failures;     /* attempts; 0: all is well */
    int64_t last;     /* when the last of them failed */
    int64_t retry_at; /* nothing is started before */
    char said[KINDS][sizeof((struct err *)NULL)->msg];
};

struct pool {
    const struct pool_plan *plan;
    struct board *board;
    struct child children[POOL_MAX]; /* by place */
    pid_t standby;                   /* takes this one's place; 0: there is none */
    int starter;                     /* pidfd of who started the first parent; -1: unknown */
    bool is_heir;                    /* which that one does not know to stop */
    struct trouble trouble;
    int64_t now;
    sigset_t unblocked;
    int signals; /* signalfd */
};

struct counts {
    int places; /* that are free */
    int ready;  /* idle, or about to be */
    int busy;
};

/* --- in a worker --- */

static enum state state_of(const struct board *board, int place)
{
    return (enum state)atomic_load(&board->state[place]);
}

static void count_place(struct counts *counts, enum state state)
{
    counts->places += state == FREE;
    counts->ready += state == STARTING || state == IDLE;
    counts->busy += state == BUSY;
}

void pool_idle(struct pool_worker *self)
{
    if (!self)
        return;
    atomic_store(&self->board->idle_since[self->place], clock_ms());
    atomic_store(&self->board->state[self->place], IDLE);
}

/* Whoever is the last of several to look sees what all of them did, and wakes the parent. */
void pool_busy(struct pool_worker *self)
{
    struct counts counts = {0};

    if (!self)
        return;
    atomic_store(&self->board->state[self->place], BUSY);
    for (int i = 0; i < self->board->max; i++)
        count_place(&counts, state_of(self->board, i));
    if (counts.ready < SPARE && counts.places > 0)
        eventfd_write(self->board->wake, 1);
}

void pool_cannot_start(struct pool_worker *self, const char *why)
{
    if (self)
        snprintf(self->board->why[self->place], sizeof self->board->why[0], "%s", why);
    else
        log_error("%s", why);
}

/* --- trouble --- */

/* Logs a reason that was not the last of its kind. */
static void say(struct trouble *trouble, enum kind kind, const char *why)
{
    char *said = trouble->said[kind];

    if (!strcmp(why, said))
        return;
    snprintf(said, sizeof trouble->said[kind], "%s", why);
    log_error("%s: %s (it is tried again, and said once)", kinds[kind].what, why);
}

/* Those that fail in the same attempt count as one. */
static void note_failure(struct pool *pool, enum kind kind, const char *why)
{
    struct trouble *trouble = &pool->trouble;
    int64_t pause = PAUSE_MS;

    if (pool->now - trouble->last > FORGET_MS)
        *trouble = (struct trouble){0};
    say(trouble, kind, why);
    trouble->last = pool->now;
    if (pool->now < trouble->retry_at)
        return;
    trouble->failures++;
    for (int i = 1; i < trouble->failures && pause < kinds[kind].pause_max; i++)
        pause *= 2;
    trouble->retry_at = pool->now + (pause < kinds[kind].pause_max ? pause : kinds[kind].pause_max);
}

/* A worker that was started since the last failure: by it one sees whether the next will live. */
static bool is_probe(const struct pool *pool, const struct child *child)
{
    return child->pid && child->started >= pool->trouble.last;
}

static bool has_probe(const struct pool *pool)
{
    for (int i = 0; i < pool->plan->max; i++)
        if (is_probe(pool, &pool->children[i]))
            return true;
    return false;
}

static void look_for_recovery(struct pool *pool)
{
    struct trouble *trouble = &pool->trouble;

    for (int i = 0; trouble->failures && i < pool->plan->max; i++) {
        const struct child *child = &pool->children[i];
        if (!is_probe(pool, child) || pool->now - child->started < YOUNG_MS ||
            state_of(pool->board, i) == STARTING)
            continue;
        log_warning("workers start again");
        *trouble = (struct trouble){0};
    }
}

/* --- the parent --- */

static void describe_end(char *text, size_t size, int status)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "exited with %d", WEXITSTATUS(status));
}

static void note_end(struct pool *pool, int place, int status)
{
    struct board *board = pool->board;
    struct child *child = &pool->children[place];
    bool ready = state_of(board, place) != STARTING;
    bool young = !ready || pool->now - child->started < YOUNG_MS;
    char how[40];

    describe_end(how, sizeof how, status);
    if (young && !child->told) {
        note_failure(pool, ready ? NOT_ALIVE : NOT_READY,
                     *board->why[place] ? board->why[place] : how);
    } else if (status != 0) {
        log_error("worker %ld: %s", (long)child->pid, how);
    }
    *child = (struct child){0};
    atomic_store(&board->state[place], FREE);
}

static void reap(struct pool *pool)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == pool->standby)
            pool->standby = 0;
        for (int i = 0; i < pool->plan->max; i++)
            if (pool->children[i].pid == pid)
                note_end(pool, i, status);
    }
}

static int be_worker(struct pool *pool, int place, pid_t parent)
{
    struct pool_worker self = {.board = pool->board, .place = place};

    /* Follow a parent that is killed without having been able to pass it on. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return EX_TEMPFAIL;
    close(pool->signals);
    sigprocmask(SIG_SETMASK, &pool->unblocked, NULL);
    return pool->plan->work(&self, pool->plan->context);
}

/* False: it could not. */
static bool start_at(struct pool *pool, int place)
{
    pid_t parent = getpid();

    atomic_store(&pool->board->state[place], STARTING);
    *pool->board->why[place] = '\0';
    pid_t pid = fork();
    if (pid == 0)
        _exit(be_worker(pool, place, parent));
    if (pid > 0) {
        pool->children[place] = (struct child){.pid = pid, .started = pool->now};
        return true;
    }
    atomic_store(&pool->board->state[place], FREE);
    note_failure(pool, NO_FORK, strerror(errno));
    return false;
}

static void start(struct pool *pool, int n)
{
    for (int i = 0; i < pool->plan->max && n > 0; i++) {
        if (state_of(pool->board, i) != FREE)
            continue;
        if (!start_at(pool, i))
            return;
        n--;
    }
}

/* Tells idle workers to go, of which a request may take one in this moment: it is answered. */
static void let_go(struct pool *pool, int n)
{
    for (int i = pool->plan->max - 1; i >= 0 && n > 0; i--) {
        struct child *child = &pool->children[i];
        if (child->told || state_of(pool->board, i) != IDLE ||
            pool->now - atomic_load(&pool->board->idle_since[i]) < pool->plan->idle_ms)
            continue;
        child->told = kill(child->pid, SIGTERM) == 0;
        n--;
    }
}

static struct counts count(const struct pool *pool)
{
    struct counts counts = {0};

    for (int i = 0; i < pool->plan->max; i++)
        if (!pool->children[i].told)
            count_place(&counts, state_of(pool->board, i));
    return counts;
}

static int needed(const struct pool_plan *plan, const struct counts *counts)
{
    int n = counts->busy ? counts->busy + SPARE : plan->min;

    return n < plan->min ? plan->min : n > plan->max ? plan->max : n;
}

static int number_of(const struct counts *counts)
{
    return counts->ready + counts->busy;
}

/* Brings the workers to the number that is needed: in trouble one by one. */
static void adjust(struct pool *pool)
{
    struct counts counts = count(pool);
    int missing = needed(pool->plan, &counts) - number_of(&counts);

    look_for_recovery(pool);
    if (missing < 0)
        let_go(pool, -missing);
    else if (!pool->trouble.failures)
        start(pool, missing);
    else if (missing > 0 && pool->now >= pool->trouble.retry_at && !has_probe(pool))
        start(pool, 1);
}

/* How long nothing happens unless the parent is woken, in ms; -1: for ever. */
static int timeout(const struct pool *pool)
{
    struct counts counts = count(pool);
    int64_t left = -1;

    if (number_of(&counts) > pool->plan->min) /* see who has become idle, by and by */
        left = pool->plan->idle_ms / 10 + 1;
    if (pool->trouble.failures && needed(pool->plan, &counts) > number_of(&counts)) {
        int64_t pause = pool->trouble.retry_at - pool->now;
        pause = pause > 0 ? pause : YOUNG_MS / 10;
        left = left < 0 || pause < left ? pause : left;
    }
    if (pool->plan->takeover && !pool->standby) /* it could not be forked */
        left = left < 0 || left > YOUNG_MS ? YOUNG_MS : left;
    return (int)left;
}

/* Whether clients would wait in vain. */
static bool refuses(const struct pool *pool)
{
    struct counts counts = count(pool);

    return pool->trouble.failures >= REFUSE_AFTER && number_of(&counts) == 0;
}

/* Of a server that has ended without being able to do it: its next start is not to find the name of
 * a socket that is about to go, and take it for one that is served. */
static void remove_socket(int fd)
{
    struct sockaddr_un address = {0};
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.sun_family == AF_UNIX &&
        address.sun_path[0] == '/')
        unlink(address.sun_path);
}

/* The number of a signal of those that a parent reads; 0: there is none. */
static int read_signal(const struct pool *pool)
{
    struct signalfd_siginfo info;

    return read(pool->signals, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static bool ends_pool(int number)
{
    return number == SIGTERM || number == SIGINT || number == SIGUSR1;
}

/* Waits for a signal, for a worker that wants company, or for time to pass. The number of the
 * signal, 0: another reason. */
static int await(struct pool *pool)
{
    struct pollfd fds[] = {{.fd = pool->signals, .events = POLLIN},
                           {.fd = pool->board->wake, .events = POLLIN},
                           {.fd = refuses(pool) ? pool->plan->socket : -1, .events = POLLIN},
                           {.fd = pool->is_heir ? pool->starter : -1, .events = POLLIN}};
    eventfd_t woken;
    int number;

    poll(fds, sizeof fds / sizeof *fds, timeout(pool));
    pool->now = clock_ms();
    if (fds[1].revents)
        eventfd_read(pool->board->wake, &woken);
    if (fds[2].revents) {
        AUTO_FD refused = accept4(pool->plan->socket, NULL, NULL, SOCK_CLOEXEC);
        (void)refused;
    }
    if (fds[0].revents && (number = read_signal(pool)) != 0)
        return number;
    if (fds[3].revents) {
        remove_socket(pool->plan->socket);
        return SIGTERM;
    }
    return 0;
}

/* It has nothing to finish, and is not waited for if somebody has stopped it. */
static void end_standby(const struct pool *pool)
{
    if (pool->standby)
        kill(pool->standby, SIGKILL);
}

static void stop(struct pool *pool)
{
    for (int i = 0; i < pool->plan->max; i++)
        if (pool->children[i].pid)
            kill(pool->children[i].pid, SIGTERM);
    end_standby(pool);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

static struct board *make_board(const struct pool_plan *plan)
{
    struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (board == MAP_FAILED)
        return NULL;
    board->max = plan->max;
    board->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return board;
}

static void free_board(struct board *board)
{
    file_close(&board->wake);
    munmap(board, sizeof *board);
}

/* --- the parent's place --- */

/* False: this process was told to go. */
static bool parent_was_killed(const struct pool *pool, int parent)
{
    struct pollfd fds[] = {{.fd = pool->signals, .events = POLLIN},
                           {.fd = parent, .events = POLLIN}};

    prctl(PR_SET_NAME, STANDBY_NAME);
    while (!fds[1].revents) {
        poll(fds, sizeof fds / sizeof *fds, -1);
        if (fds[0].revents && ends_pool(read_signal(pool)))
            return false;
    }
    return true;
}

/* Makes the copy of the parent's pool one of its own, without children. */
static int succeed(struct pool *pool, pid_t parent)
{
    struct board *board = make_board(pool->plan);

    if (!board || board->wake < 0) {
        log_error("no memory for a scoreboard: %s", strerror(errno));
        return -1;
    }
    log_warning("process %ld, the workers' parent, was killed: %ld takes its place", (long)parent,
                (long)getpid());
    prctl(PR_SET_NAME, PARENT_NAME);
    free_board(pool->board);
    pool->board = board;
    memset(pool->children, 0, sizeof pool->children);
    pool->trouble = (struct trouble){0};
    pool->now = clock_ms();
    pool->is_heir = true;
    return 0;
}

/* Returns in the parent, and in whoever has taken its place. */
static void keep_standby(struct pool *pool)
{
    while (pool->plan->takeover && !pool->standby) {
        pid_t parent = getpid();
        AUTO_FD itself = (int)syscall(SYS_pidfd_open, parent, 0);
        pid_t pid = itself < 0 ? -1 : fork();
        if (pid < 0) {
            say(&pool->trouble, NO_FORK, strerror(errno));
            return;
        }
        if (pid > 0)
            pool->standby = pid;
        else if (!parent_was_killed(pool, itself) || succeed(pool, parent) < 0)
            _exit(EX_OK);
    }
}

static void reload(struct pool *pool)
{
    if (pool->plan->reload && pool->plan->reload(pool->plan->context) < 0)
        return;
    for (int i = 0; i < pool->plan->max; i++)
        if (pool->children[i].pid && !pool->children[i].told)
            pool->children[i].told = kill(pool->children[i].pid, SIGTERM) == 0;
    end_standby(pool); /* the next one knows what was read */
}

static void run(struct pool *pool)
{
    int number;

    do {
        reap(pool);
        keep_standby(pool);
        adjust(pool);
        number = await(pool);
        if (number == SIGHUP)
            reload(pool);
    } while (!ends_pool(number));
    stop(pool);
}

/* Signals are read one at a time, so none can come between a look and the wait for the next. */
static int take_signals(struct pool *pool)
{
    static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    sigset_t taken;

    sigemptyset(&taken);
    signal(SIGCHLD,
           SIG_DFL); /* ignored, as whoever started this may have left it, it never comes */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&taken, numbers[i]);
    sigprocmask(SIG_BLOCK, &taken, &pool->unblocked);
    sigdelset(&pool->unblocked, SIGHUP); /* pool_hold has blocked it for the parent alone */
    return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Everyone looks whether a connection is there before he takes it; another may have been faster. */
static int unblock_socket(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void pool_hold(void)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

int pool_run(const struct pool_plan *plan)
{
    AUTO_FD starter = plan->takeover ? (int)syscall(SYS_pidfd_open, getppid(), 0) : -1;
    struct board *board = make_board(plan);
    int code = EX_OK;

    if (!board) {
        log_error("no memory for a scoreboard: %s", strerror(errno));
        return EX_OSERR;
    }
    struct pool *pool = mem_alloc(sizeof *pool);
    *pool = (struct pool){.plan = plan, .now = clock_ms(), .board = board, .starter = starter};
    pool->signals = take_signals(pool);
    if (board->wake >= 0 && pool->signals >= 0 && unblock_socket(plan->socket) == 0) {
        run(pool);
    } else {
        log_error("the workers' parent cannot start: %s", strerror(errno));
        code = EX_OSERR;
    }
    sigprocmask(SIG_SETMASK, &pool->unblocked, NULL);
    file_close(&pool->signals);
    free_board(pool->board);
    free(pool);
    return code;
}
