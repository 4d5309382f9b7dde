/* SPDX-License-Identifier: Apache-2.0
 * L3: starting berth-fetch. */
#include "cache/job.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/program.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "berth-fetch"
#define LINE_MAX_BYTES 65536

static const struct {
    const char *name;
    enum err_code code;
} errors[] = {
#define ERR(name, status, oci, exit_code, text) {#name, ERR_##name},
#include "base/err.def"
#undef ERR
};

void job_say_ok(struct buf *line, const char *text)
{
    buf_addf(line, "OK %s\n", text);
}

void job_say(struct buf *line, const struct err *err)
{
    const char *name = "INTERNAL";

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == err->code)
            name = errors[i].name;
    buf_addf(line, "%s %d ", name, err->retry);
    text_add_escaped(line, err->msg);
    buf_addc(line, '\n');
}

static int read_retry(const char *text, size_t len)
{
    int64_t seconds;

    return decimal_parse(text, len, &seconds) && seconds < INT32_MAX ? (int)seconds : 0;
}

int job_read(const struct buf *line, struct buf *text, struct err *err)
{
    const char *space = line->len ? memchr(line->s, ' ', line->len) : NULL;
    size_t len = space ? (size_t)(space - line->s) : 0;

    if (!space || line->s[line->len - 1] != '\n')
        return err_set(err, ERR_INTERNAL, PROGRAM " ended without a word, see the server's log");
    if (len == 2 && !memcmp(line->s, "OK", 2)) {
        buf_add(text, space + 1, line->len - len - 2);
        return 0;
    }
    const char *message = memchr(space + 1, ' ', line->len - len - 1);
    for (size_t i = 0; message && i < sizeof errors / sizeof *errors; i++)
        if (strlen(errors[i].name) == len && !memcmp(errors[i].name, line->s, len)) {
            err_set(err, errors[i].code, "%.*s", (int)(line->s + line->len - message - 2),
                    message + 1);
            if (err)
                err->retry = read_retry(space + 1, (size_t)(message - space - 1));
            return -1;
        }
    return err_set(err, ERR_INTERNAL, PROGRAM " said what nobody understands");
}

/* What a request brought is no setting of ours. */
static void forget_request(void)
{
    extern char **environ;

    for (char **variable = environ; *variable;) {
        char name[256];
        size_t len = strcspn(*variable, "=");
        if (strncmp(*variable, "HTTP_", 5) != 0 || len >= sizeof name) {
            variable++;
            continue;
        }
        memcpy(name, *variable, len);
        name[len] = '\0';
        unsetenv(name); /* the next is in its place */
    }
}

/* Where no descriptor is that is about to be written over. */
static int move_up(int fd)
{
    return fd < 0 ? fd : fcntl(fd, F_DUPFD, 16);
}

/* The configuration of `berth registry` is no file, but a descriptor that its processes inherit. */
#define INHERITED "/proc/self/fd/"
#define CONFIG 4

static int open_config(const struct job *job)
{
    return job->config && !strncmp(job->config, INHERITED, strlen(INHERITED))
               ? move_up(open(job->config, O_RDONLY))
               : -1;
}

/* Puts it where the program expects it; -1: there is none. */
static void place(int fd, int where)
{
    if (fd < 0)
        close(where);
    else if (dup2(fd, where) < 0)
        _exit(EXIT_FAILURE);
}

/* In the child of a child: what it has of its parents is the log, the lock, and whom to tell. */
static void become(const struct job *job, const char *path, int held, int tell)
{
    const int config = open_config(job);
    const char *argv[] = {
        PROGRAM,   "--config",    config >= 0 ? INHERITED "4" : job->config ? job->config : "",
        job->verb, job->upstream, job->name,
        job->what, NULL};
    sigset_t none;

    held = move_up(held);
    tell = move_up(tell);
    int nothing = move_up(open("/dev/null", O_RDWR));
    if (nothing < 0)
        _exit(EXIT_FAILURE);
    place(nothing, STDIN_FILENO);
    place(tell >= 0 ? tell : nothing, STDOUT_FILENO);
    place(held, JOB_HELD);
    place(config, CONFIG);
    file_close_from(CONFIG + 1);
    forget_request();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, (char *const *)(uintptr_t)argv);
    _exit(EXIT_FAILURE);
}

static int start(const struct job *job, int held, int tell, struct err *err)
{
    AUTO_BUF path = BUF_INIT;
    int status;

    if (program_own(&path, PROGRAM, err) < 0)
        return -1;
    pid_t child = fork();
    if (child < 0)
        return err_sys(err, errno, "fork");
    if (child == 0) {
        setsid();
        pid_t grandchild = fork();
        if (grandchild == 0)
            become(job, path.s, held, tell);
        _exit(grandchild < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(err, errno, "wait for a child");
    return status == 0 ? 0 : err_set(err, ERR_BUSY, "no process can be started");
}

int job_start(const struct job *job, int held, struct err *err)
{
    return start(job, held, -1, err);
}

/* 1: all of it, 0: too late. */
static int read_line(int fd, int timeout_ms, struct buf *line, struct err *err)
{
    const int64_t end = clock_ms() + timeout_ms;

    while (line->len < LINE_MAX_BYTES) {
        struct pollfd from = {.fd = fd, .events = POLLIN};
        int64_t left = end - clock_ms();
        int ready = left > 0 ? poll(&from, 1, (int)left) : 0;
        if (ready == 0)
            return 0;
        ssize_t n = ready > 0 ? read(fd, buf_reserve(line, 4096), 4096) : -1;
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return err_sys(err, errno, "read from " PROGRAM);
        line->len += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

int job_run(const struct job *job, int held, int timeout_ms, struct buf *text, struct err *err)
{
    AUTO_BUF line = BUF_INIT;
    AUTO_FD from = -1;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    from = ends[0];
    int started = start(job, held, ends[1], err);
    file_close(&ends[1]);
    if (started < 0)
        return -1;
    int got = read_line(from, timeout_ms, &line, err);
    if (got < 0)
        return -1;
    if (got == 0)
        return err_set(err, ERR_UPSTREAM_TIMEOUT, "%s does not answer in time", job->upstream);
    return job_read(&line, text, err);
}
