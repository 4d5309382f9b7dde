/* SPDX-License-Identifier: Apache-2.0
 * Runs a command and records every system call that changes something below a directory, across its
 * processes and threads, in the order in which they took effect, with the data:
 *
 *     record [-k N | -p N] [-a NS] ROOT LOG COMMAND...
 *
 * LOG gets a line for each: call, path, second path, offset, length, separated by tabs; LOG.data
 * the bytes that were written, one after the other. -k: SIGKILL to the command's processes before
 * the N-th call, from 1. -p: at the N-th call the command stands still; "paused" is printed, and it
 * goes on once a line is read. -a: what has not changed since NS, in nanoseconds since 1970, looks
 * an hour older: its ctime and its birth, which no program can set.
 *
 * It traces, and does not preload, so that programs that make system calls without libc are seen
 * too. Of two threads only one makes such a call at a time, so that the order is known.
 */
#include "crash/record.h"
#include "crash/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/ptrace.h collides with sys/ptrace.h. */
struct call_info {
    uint8_t op;
    uint8_t pad[3];
    uint32_t arch;
    uint64_t instruction_pointer, stack_pointer;
    union {
        struct {
            uint64_t nr;
            uint64_t args[6];
            uint32_t ret_data;
        } entry;
        struct {
            int64_t rval;
            uint8_t is_error;
        } exit;
    };
};

enum state { RUNNING, WAITING, IN_CALL, IN_STAT };

struct thread {
    pid_t tid;
    enum state state;
    struct call_info entry;
    struct change change;
};

#define THREADS_MAX 256
static struct thread threads[THREADS_MAX];
static struct thread *busy;
static FILE *log_file, *data_file;
static long calls, kill_at, pause_at;
static long long old_before;
static pid_t command;

static const int looking[] = {
    SYS_fstat, SYS_statx, SYS_newfstatat,
#ifdef SYS_stat
    SYS_stat,  SYS_lstat,
#endif
};

/* Waits for any child, threads too. */
#define ANY_CHILD 0x40000000 /* __WALL */

/* Each call that changes or, where times are to be told, looks. */
static int call_of_interest(size_t n)
{
    size_t changing = 0;

    while (call_number(changing) >= 0)
        changing++;
    if (n < changing)
        return call_number(n);
    return old_before && n - changing < COUNT(looking) ? looking[n - changing] : -1;
}

static void trace_me(char **argv)
{
    struct sock_filter rows[TRACEE_FILTER_SIZE];
    int numbers[TRACEE_CALLS_MAX];
    size_t n = 0;

    while (n < COUNT(numbers) && call_of_interest(n) >= 0) {
        numbers[n] = call_of_interest(n);
        n++;
    }
    struct sock_fprog program = tracee_filter(numbers, n, SECCOMP_RET_TRACE, rows);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        DIE("seccomp: %s", strerror(errno));
    execvp(argv[0], argv);
    DIE("%s: %s", argv[0], strerror(errno));
}

static bool is_old(int64_t seconds, int64_t nanoseconds)
{
    return seconds * 1000000000LL + nanoseconds <= old_before;
}

static void poke(pid_t tid, uint64_t address, const void *from, size_t len)
{
    if (tracee_poke(tid, address, from, len) != (ssize_t)len)
        DIE("cannot write to %d", tid);
}

static void make_older(struct thread *t)
{
    const uint64_t *a = t->entry.entry.args;

    if (t->entry.entry.nr == SYS_statx) {
        struct statx stx;
        tracee_peek(t->tid, a[4], &stx, sizeof stx);
        if (is_old(stx.stx_ctime.tv_sec, stx.stx_ctime.tv_nsec))
            stx.stx_ctime.tv_sec -= 3600;
        if (is_old(stx.stx_btime.tv_sec, stx.stx_btime.tv_nsec))
            stx.stx_btime.tv_sec -= 3600;
        poke(t->tid, a[4], &stx, sizeof stx);
        return;
    }
    uint64_t to = t->entry.entry.nr == SYS_newfstatat ? a[2] : a[1];
    struct stat st;
    tracee_peek(t->tid, to, &st, sizeof st);
    if (is_old(st.st_ctim.tv_sec, st.st_ctim.tv_nsec))
        st.st_ctim.tv_sec -= 3600;
    poke(t->tid, to, &st, sizeof st);
}

static struct thread *thread_of(pid_t tid)
{
    struct thread *unused = NULL;

    for (size_t i = 0; i < THREADS_MAX; i++) {
        if (threads[i].tid == tid)
            return &threads[i];
        if (!threads[i].tid && !unused)
            unused = &threads[i];
    }
    if (!unused)
        DIE("too many threads");
    unused->tid = tid;
    unused->state = RUNNING;
    return unused;
}

static void go_on(pid_t tid, int request, int signal)
{
    ptrace(request, tid, 0, signal); /* it may have been killed */
}

static bool is_looking(uint64_t nr)
{
    for (size_t i = 0; i < COUNT(looking); i++)
        if ((uint64_t)looking[i] == nr)
            return true;
    return false;
}

static void end_all(void)
{
    for (size_t i = 0; i < THREADS_MAX; i++)
        if (threads[i].tid)
            kill(threads[i].tid, SIGKILL);
}

static void stand_still(void)
{
    char byte;

    printf("paused\n");
    fflush(stdout);
    while (read(0, &byte, 1) == 1 && byte != '\n')
        ;
}

/* At the entry of a call, while no other is under way. */
static void begin_call(struct thread *t)
{
    call_look(t->tid, t->entry.entry.nr, t->entry.entry.args, &t->change);
    if (!t->change.call) {
        t->state = RUNNING;
        go_on(t->tid, PTRACE_CONT, 0);
        return;
    }
    calls++;
    if (calls == kill_at) {
        end_all();
        return;
    }
    if (calls == pause_at)
        stand_still();
    busy = t;
    t->state = IN_CALL;
    go_on(t->tid, PTRACE_SYSCALL, 0);
}

static void next_call(void)
{
    busy = NULL;
    for (size_t i = 0; i < THREADS_MAX && !busy; i++)
        if (threads[i].tid && threads[i].state == WAITING)
            begin_call(&threads[i]);
}

static void entered(struct thread *t)
{
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof t->entry, &t->entry) < 0)
        return;
    if (is_looking(t->entry.entry.nr)) {
        t->state = IN_STAT;
        go_on(t->tid, PTRACE_SYSCALL, 0);
    } else if (busy) {
        t->state = WAITING;
    } else {
        begin_call(t);
    }
}

static void left(struct thread *t)
{
    struct call_info info;
    enum state was = t->state;

    t->state = RUNNING;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof info, &info) >= 0) {
        if (was == IN_STAT && !info.exit.is_error)
            make_older(t);
        if (was == IN_CALL && !info.exit.is_error)
            call_log(t->tid, &t->change, info.exit.rval, log_file, data_file);
    }
    go_on(t->tid, PTRACE_CONT, 0);
    if (was == IN_CALL)
        next_call();
}

static void ended(pid_t tid)
{
    struct thread *t = thread_of(tid);
    bool was_busy = t == busy;

    t->tid = 0;
    if (was_busy)
        next_call();
}

static void stopped(pid_t tid, int status)
{
    struct thread *t = thread_of(tid);
    int signal = WSTOPSIG(status), event = status >> 16;

    if (event == PTRACE_EVENT_SECCOMP)
        entered(t);
    else if (signal == (SIGTRAP | 0x80))
        left(t);
    else
        go_on(tid, PTRACE_CONT, event || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal);
}

static int trace(void)
{
    int status, result = 125;
    pid_t tid;

    while ((tid = waitpid(-1, &status, ANY_CHILD)) > 0 || errno == EINTR) {
        if (tid <= 0)
            continue;
        if (WIFSTOPPED(status)) {
            stopped(tid, status);
            continue;
        }
        ended(tid);
        if (tid == command)
            result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return result;
}

int main(int argc, char **argv)
{
    int option, status;

    while ((option = getopt(argc, argv, "+k:p:a:")) != -1) {
        if (option == 'k')
            kill_at = strtol(optarg, NULL, 10);
        else if (option == 'p')
            pause_at = strtol(optarg, NULL, 10);
        else if (option == 'a')
            old_before = strtoll(optarg, NULL, 10);
        else
            DIE("usage: record [-k N | -p N] [-a NS] ROOT LOG COMMAND...");
    }
    if (argc - optind < 3)
        DIE("usage: record [-k N | -p N] [-a NS] ROOT LOG COMMAND...");
    char data[PATH_MAX];
    call_begin(argv[optind]);
    snprintf(data, sizeof data, "%s.data", argv[optind + 1]);
    log_file = fopen(argv[optind + 1], "we");
    data_file = fopen(data, "we");
    if (!log_file || !data_file)
        DIE("%s: %s", argv[optind + 1], strerror(errno));
    command = fork();
    if (command == 0)
        trace_me(argv + optind + 2);
    if (waitpid(command, &status, 0) != command || !WIFSTOPPED(status))
        DIE("the command did not start");
    long wanted = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                  PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                  PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, command, 0, wanted) < 0)
        DIE("ptrace: %s", strerror(errno));
    thread_of(command);
    go_on(command, PTRACE_CONT, 0);
    /* Its requests come on this standard input and output. */
    if (!pause_at)
        close(0);
    status = trace();
    fclose(log_file);
    fclose(data_file);
    return status;
}
