/* SPDX-License-Identifier: Apache-2.0
 * Runs a command and lets the n-th of the file system calls that it makes below a directory fail,
 * or do half of its work, across its processes and threads:
 *
 *     inject [-f N:FAULT] ROOT LOG COMMAND...
 *
 * FAULT is the number of an error, "half" for a read or write of half the bytes, or either with a
 * "+" for that call and all of its kind after it. LOG gets a line for each call, from 1: its name
 * and path; "struck" and the inode before the one that was hit; "exit" with how many descriptors
 * below the directory each process had open when it exited.
 *
 * The kernel asks for each call (seccomp_unotify(2)), so that nothing that the command links to has
 * a way round it, and nothing is made that failed.
 */
#include "crash/tracee.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DIE(...) (fprintf(stderr, "inject: " __VA_ARGS__), fputc('\n', stderr), exit(125))
#define HALF (-1)
#define NONE (-1)
#define HERE (-2) /* in place of an argument: the current directory */

/* A call, and which of its arguments are the directory or descriptor, and the path. */
struct row {
    long nr;
    const char *name;
    int dir, path;
};

static const struct row rows[] = {
    {SYS_openat, "open", 0, 1},
    {SYS_openat2, "open", 0, 1},
    {SYS_read, "read", 0, NONE},
    {SYS_pread64, "pread", 0, NONE},
    {SYS_readv, "readv", 0, NONE},
    {SYS_getdents64, "getdents", 0, NONE},
    {SYS_readlinkat, "readlink", 0, 1},
    {SYS_fstat, "fstat", 0, NONE},
    {SYS_newfstatat, "stat", 0, 1},
    {SYS_statx, "stat", 0, 1},
    {SYS_faccessat, "access", 0, 1},
    {SYS_faccessat2, "access", 0, 1},
    {SYS_fstatfs, "statfs", 0, NONE},
    {SYS_fcntl, "lock", 0, NONE},
    {SYS_flock, "flock", 0, NONE},
    {SYS_write, "write", 0, NONE},
    {SYS_pwrite64, "pwrite", 0, NONE},
    {SYS_writev, "writev", 0, NONE},
    {SYS_sendfile, "sendfile", 0, NONE},
    {SYS_copy_file_range, "copy", 2, NONE},
    {SYS_fallocate, "fallocate", 0, NONE},
    {SYS_ftruncate, "ftruncate", 0, NONE},
    {SYS_sync_file_range, "sync_file_range", 0, NONE},
    {SYS_fsync, "fsync", 0, NONE},
    {SYS_fdatasync, "fsync", 0, NONE},
    {SYS_syncfs, "fsync", 0, NONE},
    {SYS_mkdirat, "mkdir", 0, 1},
    {SYS_renameat, "rename", 2, 3},
    {SYS_renameat2, "rename", 2, 3},
    {SYS_linkat, "link", 2, 3},
    {SYS_symlinkat, "symlink", 1, 2},
    {SYS_unlinkat, "unlink", 0, 1},
    {SYS_utimensat, "utime", 0, 1},
    {SYS_fchmod, "chmod", 0, NONE},
    {SYS_fchmodat, "chmod", 0, 1},
    {SYS_fchown, "chown", 0, NONE},
    {SYS_fchownat, "chown", 0, 1},
#ifdef SYS_open
    {SYS_open, "open", HERE, 0},
    {SYS_stat, "stat", HERE, 0},
    {SYS_lstat, "stat", HERE, 0},
    {SYS_access, "access", HERE, 0},
    {SYS_mkdir, "mkdir", HERE, 0},
    {SYS_rename, "rename", HERE, 1},
    {SYS_link, "link", HERE, 1},
    {SYS_symlink, "symlink", HERE, 1},
    {SYS_unlink, "unlink", HERE, 0},
    {SYS_rmdir, "unlink", HERE, 0},
    {SYS_chmod, "chmod", HERE, 0},
#endif
    {SYS_exit_group, "exit", NONE, NONE},
};

static const char *root;
static size_t root_len;
static FILE *log_file;
static long calls, fault_at;
static int fault; /* HALF, or an error; 0: none */
static bool lasting;
static const char *struck; /* the kind of call that was */

static bool inside(const char *path)
{
    return !strncmp(path, root, root_len) && (path[root_len] == '/' || path[root_len] == '\0');
}

/* Whether the call is one that counts, and what it works on. */
static bool look(const struct seccomp_notif *asked, const struct row *row, char *path, size_t size)
{
    const uint64_t *args = (const uint64_t *)asked->data.args;
    pid_t pid = (pid_t)asked->pid;
    char name[PATH_MAX] = "";

    if (row->nr == SYS_fcntl && args[1] != F_OFD_SETLK && args[1] != F_OFD_SETLKW)
        return false;
    if (row->path != NONE)
        tracee_text(pid, args[row->path], name, sizeof name);
    if (name[0] == '/')
        snprintf(path, size, "%s", name);
    else
        tracee_file(pid, row->dir == HERE ? AT_FDCWD : (int)args[row->dir], path, size);
    if (name[0] && name[0] != '/') {
        size_t len = strlen(path);
        snprintf(path + len, size - len, "/%s", name);
    }
    return inside(path);
}

/* The process of a thread. */
static pid_t process_of(pid_t tid)
{
    char path[64], line[128];
    pid_t process = tid;

    snprintf(path, sizeof path, "/proc/%d/status", tid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "Tgid:", 5))
            process = (pid_t)strtol(line + 5, NULL, 10);
    if (file)
        fclose(file);
    return process;
}

/* Another's descriptor, as one of ours. */
static int borrow(pid_t tid, int fd)
{
    pid_t pid = process_of(tid);
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int borrowed = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);

    if (process >= 0)
        close(process);
    return borrowed;
}

static ssize_t half_copy(pid_t pid, const uint64_t *a, int to)
{
    off64_t at[2];
    int from = borrow(pid, (int)a[0]);

    for (int i = 0; i < 2; i++)
        if (a[1 + 2 * i])
            tracee_peek(pid, a[1 + 2 * i], &at[i], sizeof at[i]);
    ssize_t n = copy_file_range(from, a[1] ? &at[0] : NULL, to, a[3] ? &at[1] : NULL, a[4] / 2, 0);
    for (int i = 0; i < 2; i++)
        if (a[1 + 2 * i])
            tracee_poke(pid, a[1 + 2 * i], &at[i], sizeof at[i]);
    close(from);
    return n;
}

/* Does half of the call in the caller's place; what it returns, 0 if that cannot be done. */
static ssize_t do_half(const struct seccomp_notif *asked, const struct row *row)
{
    const uint64_t *a = (const uint64_t *)asked->data.args;
    pid_t pid = (pid_t)asked->pid;
    size_t len = a[row->nr == SYS_copy_file_range ? 4 : 2] / 2;
    ssize_t n = 0;

    if (!len)
        return 0;
    int fd = borrow(pid, (int)a[row->dir]);
    char *bytes = malloc(len);
    if (row->nr == SYS_copy_file_range)
        n = half_copy(pid, a, fd);
    else if (row->nr == SYS_read)
        n = read(fd, bytes, len);
    else if (row->nr == SYS_pread64)
        n = pread(fd, bytes, len, (off_t)a[3]);
    else if (tracee_peek(pid, a[1], bytes, len) == (ssize_t)len)
        n = row->nr == SYS_write ? write(fd, bytes, len) : pwrite(fd, bytes, len, (off_t)a[3]);
    if (n > 0 && (row->nr == SYS_read || row->nr == SYS_pread64))
        tracee_poke(pid, a[1], bytes, (size_t)n);
    free(bytes);
    close(fd);
    return n;
}

static bool can_be_half(long nr)
{
    return nr == SYS_read || nr == SYS_pread64 || nr == SYS_write || nr == SYS_pwrite64 ||
           nr == SYS_copy_file_range;
}

static bool strikes(const struct row *row)
{
    if (fault == HALF && !can_be_half(row->nr))
        return false;
    if (struck)
        return lasting && !strcmp(struck, row->name);
    return fault && calls == fault_at;
}

static uintmax_t inode_of(pid_t pid, const struct row *row, const uint64_t *args)
{
    char link[64];
    struct stat st;

    snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, (int)args[row->dir < 0 ? 0 : row->dir]);
    return row->path == NONE && stat(link, &st) == 0 ? (uintmax_t)st.st_ino : 0;
}

static void log_open(pid_t pid)
{
    char path[64], target[PATH_MAX];
    int n = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        tracee_file(pid, (int)strtol(entry->d_name, NULL, 10), target, sizeof target);
        n += entry->d_name[0] != '.' && inside(target);
    }
    if (dir)
        closedir(dir);
    fprintf(log_file, "exit\t%d\n", n);
}

static bool makes_file(const struct seccomp_notif *asked, const struct row *row)
{
    uint64_t flags = row->path == NONE ? 0 : asked->data.args[row->path + 1];
    struct open_how how = {0};

    if (row->nr == SYS_openat2 && tracee_peek((pid_t)asked->pid, flags, &how, sizeof how) > 0)
        flags = how.flags;
    return !strcmp(row->name, "open") && flags & O_CREAT;
}

static void decide(const struct seccomp_notif *asked, struct seccomp_notif_resp *answer)
{
    const struct row *row = rows;
    char path[2 * PATH_MAX];

    answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    while (row < rows + COUNT(rows) && row->nr != asked->data.nr)
        row++;
    if (row == rows + COUNT(rows))
        return;
    if (row->nr == SYS_exit_group) {
        log_open((pid_t)asked->pid);
        return;
    }
    if (!look(asked, row, path, sizeof path))
        return;
    calls++;
    fprintf(log_file, "%s\t%s\n", makes_file(asked, row) ? "create" : row->name, path + root_len);
    if (!strikes(row))
        return;
    ssize_t half = fault == HALF ? do_half(asked, row) : 0;
    if (fault == HALF && half <= 0)
        return;
    fprintf(log_file, "struck\t%ju\n",
            inode_of((pid_t)asked->pid, row, (const uint64_t *)asked->data.args));
    struck = row->name;
    answer->flags = 0;
    answer->val = half;
    answer->error = fault == HALF ? 0 : -fault;
}

/* The filter's descriptor in the child is told to the parent, who fetches it. */
static void begin(int channel, char **argv)
{
    struct sock_filter filter[TRACEE_FILTER_SIZE];
    int numbers[COUNT(rows)], listener;
    char byte;

    static_assert(COUNT(rows) <= TRACEE_CALLS_MAX, "the filter is too short");
    for (size_t i = 0; i < COUNT(rows); i++)
        numbers[i] = (int)rows[i].nr;
    struct sock_fprog program = tracee_filter(numbers, COUNT(rows), SECCOMP_RET_USER_NOTIF, filter);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        DIE("prctl: %s", strerror(errno));
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                            &program);
    send(channel, &listener, sizeof listener, 0);
    recv(channel, &byte, 1, 0);
    close(listener);
    close(channel);
    execvp(argv[0], argv);
    _exit(126);
}

static int listener_of(pid_t command, int channel)
{
    int theirs;

    if (recv(channel, &theirs, sizeof theirs, 0) != sizeof theirs || theirs < 0)
        DIE("the kernel does not let us listen");
    int listener = borrow(command, theirs);
    if (listener < 0)
        DIE("the listener: %s", strerror(errno));
    send(channel, "", 1, 0);
    close(channel);
    return listener;
}

static void listen_to(int listener)
{
    struct pollfd ready = {listener, POLLIN, 0};

    while (poll(&ready, 1, -1) > 0 && !(ready.revents & POLLHUP)) {
        struct seccomp_notif asked = {0};
        struct seccomp_notif_resp answer = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
            continue;
        answer.id = asked.id;
        decide(&asked, &answer);
        fflush(log_file);
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* it may have been killed meanwhile */
    }
}

static void set_fault(char *text)
{
    char *end;

    fault_at = strtol(text, &end, 10);
    size_t len = strlen(end);
    lasting = len && end[len - 1] == '+';
    fault = !strncmp(end, ":half", 5) ? HALF : (int)strtol(end + 1, NULL, 10);
}

int main(int argc, char **argv)
{
    int option, status, channel[2];

    while ((option = getopt(argc, argv, "+f:")) == 'f')
        set_fault(optarg);
    if (option != -1 || argc - optind < 3)
        DIE("usage: inject [-f N:FAULT] ROOT LOG COMMAND...");
    root = argv[optind];
    root_len = strlen(root);
    log_file = fopen(argv[optind + 1], "we");
    if (!log_file || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
        DIE("%s: %s", argv[optind + 1], strerror(errno));
    pid_t command = fork();
    if (command == 0)
        begin(channel[1], argv + optind + 2);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    close(channel[1]);
    int listener = listener_of(command, channel[0]);
    close(0); /* they are the command's */
    close(1);
    listen_to(listener);
    fclose(log_file);
    if (waitpid(command, &status, 0) != command)
        DIE("the command: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
