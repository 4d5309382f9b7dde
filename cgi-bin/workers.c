/* SPDX-License-Identifier: Apache-2.0
 * --workers: a parent that keeps children running on one listening socket. */
#include "adapter.h"

#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* A child that dies sooner than this did not start: its successor waits as long, so that a wrong
 * configuration does not become a fork storm. */
#define YOUNG_SECONDS 1

struct worker {
    pid_t pid;
    time_t started;
};

static void start(struct worker *worker, const struct conf *conf, const sigset_t *unblocked)
{
    pid_t parent = getpid();

    worker->started = time(NULL);
    worker->pid = fork();
    if (worker->pid < 0)
        log_error("fork: %s", strerror(errno));
    if (worker->pid != 0)
        return;
    /* Follow a parent that is killed without having been able to pass it on. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EX_TEMPFAIL);
    sigprocmask(SIG_SETMASK, unblocked, NULL);
    _exit(serve_socket(conf));
}

static struct worker *find(struct worker *workers, int n, pid_t pid)
{
    for (int i = 0; i < n; i++)
        if (workers[i].pid == pid)
            return &workers[i];
    return NULL;
}

/* Notes which children died. */
static void reap(struct worker *workers, int n)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct worker *worker = find(workers, n, pid);
        if (!worker)
            continue;
        worker->pid = -1;
        if (WIFSIGNALED(status))
            log_error("worker %ld was killed by signal %d", (long)pid, WTERMSIG(status));
        else if (WEXITSTATUS(status) != 0)
            log_error("worker %ld exited with %d", (long)pid, WEXITSTATUS(status));
    }
}

static void stop(struct worker *workers, int n)
{
    for (int i = 0; i < n; i++)
        if (workers[i].pid > 0)
            kill(workers[i].pid, SIGTERM);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

/* Starts those that are missing; true if one has to wait, since its predecessor died young. */
static bool fill(struct worker *workers, int n, const struct conf *conf, const sigset_t *unblocked)
{
    bool waiting = false;

    for (int i = 0; i < n; i++) {
        if (workers[i].pid > 0)
            continue;
        if (time(NULL) - workers[i].started < YOUNG_SECONDS)
            waiting = true;
        else
            start(&workers[i], conf, unblocked);
    }
    return waiting;
}

int workers_run(int n, const struct conf *conf)
{
    struct worker *workers = mem_alloc((size_t)n * sizeof *workers);
    static const struct timespec pause = {.tv_nsec = 200000000};
    sigset_t blocked, unblocked;

    /* Signals are taken one at a time, so none can come between a look and the wait for the next.
     */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &unblocked);
    for (;;) {
        bool waiting = fill(workers, n, conf, &unblocked);
        int number = waiting ? sigtimedwait(&blocked, NULL, &pause) : sigwaitinfo(&blocked, NULL);
        if (number == SIGTERM || number == SIGINT || number == SIGUSR1)
            break;
        reap(workers, n);
    }
    stop(workers, n);
    free(workers);
    return EX_OK;
}
