/* SPDX-License-Identifier: Apache-2.0
 * L4: a look at the file system by a child that can be spared. */
#include "api/aside.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 1000

/* In the child, which may hang for as long as the file system does: it holds nothing open that
 * others wait for, as the server does for the end of an answer. */
static void keep_only(int to, int kept)
{
    dup2(to, STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    if (kept > STDERR_FILENO + 1)
        syscall(SYS_close_range, STDERR_FILENO + 1, (unsigned)kept - 1, 0);
    syscall(SYS_close_range, (kept > STDERR_FILENO ? (unsigned)kept : STDERR_FILENO) + 1, ~0U, 0);
}

/* False: nothing came in time. */
static bool await(int from, void *answer, size_t size)
{
    int64_t deadline = clock_ms() + ANSWER_MS;
    struct pollfd fd = {.fd = from, .events = POLLIN};
    int64_t left;
    int come = -1;

    while (come < 0 && (left = deadline - clock_ms()) >= 0) {
        come = poll(&fd, 1, (int)left);
        if (come < 0 && errno != EINTR)
            return false;
    }
    return come > 0 && read(from, answer, size) == (ssize_t)size;
}

/* Whether an earlier child still waits for the file system: another one would only join it. */
static bool is_stuck(struct aside *aside)
{
    if (aside->child > 0 && waitpid(aside->child, NULL, WNOHANG) == 0)
        return true;
    aside->child = 0;
    return false;
}

int aside_ask(struct aside *aside, int keep, aside_look *look, const void *context, void *answer,
              size_t size, struct err *err)
{
    int ends[2];

    if (is_stuck(aside))
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    aside->child = fork();
    if (aside->child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, SIG_DFL);
        keep_only(ends[1], keep);
        look(context, answer);
        _exit(write(STDIN_FILENO, answer, size) == (ssize_t)size ? 0 : 1);
    }
    int errnum = errno;
    close(ends[1]);
    bool answered = aside->child > 0 && await(ends[0], answer, size);
    close(ends[0]);
    if (aside->child < 0)
        return err_sys(err, errnum, "fork");
    if (answered) {
        waitpid(aside->child, NULL, 0);
        aside->child = 0;
    } else {
        kill(aside->child, SIGKILL);
    }
    return answered;
}
