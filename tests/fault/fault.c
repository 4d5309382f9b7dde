/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into a command, this library counts the system calls that change files, and at one of
 * them has the process killed, interrupted, stopped, or told that the disk is full.
 *
 * FAULT_STATE names a file of the size of struct state, which all processes and threads of the
 * command share. FAULT is "<what> <n>": at the n-th call, from 1,
 *   kill   SIGKILL arrives before it is made; of what it would write, one half is written;
 *   int    SIGINT arrives before it is made;
 *   stop   SIGSTOP does;
 *   full   it and all after it fail with ENOSPC if they need space, of the first write one half is
 *          written;
 *   once   it alone does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
    atomic_ullong steps; /* calls so far */
    char struck[248];
};

/* The beginning of openat2's struct open_how. */
struct how {
    uint64_t flags;
    uint64_t mode;
};

enum fault { NONE, KILL, INTERRUPT, STOP, FULL, ONCE };

/* What a call does about the fault. */
enum verdict { PROCEED, FAIL, HALF };

static long (*kernel)(long, ...);
static struct state *state;
static enum fault fault;
static unsigned long long fault_at;

static void set_fault(const char *text)
{
    static const char *const names[] = {"none", "kill", "int", "stop", "full", "once"};

    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (!strncmp(text, names[i], len) && text[len] == ' ') {
            fault = (enum fault)i;
            fault_at = strtoull(text + len, NULL, 10);
        }
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULT_STATE");
    void *found = dlsym(RTLD_NEXT, "syscall");

    memcpy(&kernel, &found, sizeof found);
    set_fault(getenv("FAULT"));
    int fd = path ? (int)kernel(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        state = map;
    if (fault == INTERRUPT) /* who started the tests may have ignored it */
        signal(SIGINT, SIG_DFL);
}

static enum verdict strike(bool writes)
{
    if (fault == KILL && writes) {
        fault = NONE; /* the half that is to be written comes by here again, perhaps */
        return HALF;
    }
    if (fault == KILL)
        raise(SIGKILL);
    if (fault == INTERRUPT)
        raise(SIGINT);
    if (fault == STOP)
        raise(SIGSTOP);
    if (fault == FULL || fault == ONCE)
        return writes ? HALF : FAIL;
    return PROCEED;
}

/* One more step. `name` is the file that it changes, if that has one. */
static enum verdict step(const char *call, const char *name, bool needs_space, bool writes)
{
    if (!state)
        return PROCEED;
    unsigned long long number = atomic_fetch_add(&state->steps, 1) + 1;
    bool full = fault == FULL || fault == ONCE;
    if (full && !needs_space)
        return PROCEED;
    if (fault == FULL && state->struck[0] && number > fault_at) {
        errno = ENOSPC;
        return FAIL;
    }
    /* A full disk shows with the first call from there on that needs space. */
    if (state->struck[0] || fault == NONE || (full ? number < fault_at : number != fault_at))
        return PROCEED;
    snprintf(state->struck, sizeof state->struck, "%s %s", call, name ? name : "");
    errno = ENOSPC;
    return strike(writes);
}

static bool regular(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static mode_t mode_argument(int flags, va_list *arguments)
{
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

    return makes ? va_arg(*arguments, mode_t) : 0;
}

/* Whether it fails. To open a file that is there changes nothing. */
static bool open_fails(const char *call, int dir, const char *path, uint64_t flags)
{
    bool makes = flags & O_CREAT && kernel(SYS_faccessat, dir, path, F_OK) < 0;

    return (makes || flags & O_TRUNC) && step(call, path, makes, false) == FAIL;
}

static int opened(int dir, const char *path, int flags, mode_t mode)
{
    if (open_fails("open", dir, path, (uint64_t)flags))
        return -1;
    return (int)kernel(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, &arguments);
    va_end(arguments);
    return opened(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list arguments;

    va_start(arguments, flags);
    mode_t mode = mode_argument(flags, &arguments);
    va_end(arguments);
    return opened(dir, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

long syscall(long number, ...)
{
    va_list arguments;
    long v[6];

    va_start(arguments, number);
    for (size_t i = 0; i < 6; i++)
        v[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_openat2 &&
        open_fails("openat2", (int)v[0], (const char *)v[1], ((const struct how *)v[2])->flags))
        return -1;
    return kernel(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}

/* How many of the bytes to write now; -1: none, the call has failed. */
static ssize_t allowance(const char *call, int fd, size_t len)
{
    enum verdict verdict = regular(fd) ? step(call, NULL, true, true) : PROCEED;

    if (verdict == HALF && len < 2)
        verdict = FAIL;
    if (verdict == HALF)
        return (ssize_t)len / 2;
    return verdict == FAIL ? -1 : (ssize_t)len;
}

/* Kills, if half of the bytes were to be written before that. */
static ssize_t written(ssize_t done, ssize_t wanted, size_t len)
{
    if (state && state->struck[0] && wanted != (ssize_t)len && fault == NONE)
        raise(SIGKILL);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t wanted = allowance("write", fd, len);

    return written(wanted < 0 ? -1 : kernel(SYS_write, fd, bytes, wanted), wanted, len);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t wanted = allowance("pwrite", fd, len);

    return written(wanted < 0 ? -1 : kernel(SYS_pwrite64, fd, bytes, wanted, at), wanted, len);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) __attribute__((alias("pwrite")));

/* Before the call: whether it fails. */
#define FAILS(call, name, needs_space) (step(call, name, needs_space, false) == FAIL)

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    if (regular(fd) && FAILS("writev", NULL, true))
        return -1;
    return kernel(SYS_writev, fd, pieces, n);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
                        unsigned flags)
{
    if (FAILS("copy_file_range", NULL, true))
        return -1;
    return kernel(SYS_copy_file_range, from, from_at, to, to_at, len, flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t len)
{
    if (regular(to) && FAILS("sendfile", NULL, true))
        return -1;
    return kernel(SYS_sendfile, to, from, at, len);
}

ssize_t sendfile64(int to, int from, off_t *at, size_t len) __attribute__((alias("sendfile")));

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return FAILS("fallocate", NULL, true) ? -1 : (int)kernel(SYS_fallocate, fd, mode, at, len);
}

int fallocate64(int fd, int mode, off_t at, off_t len) __attribute__((alias("fallocate")));

/* It tells by what it returns. */
int posix_fallocate(int fd, off_t at, off_t len)
{
    if (FAILS("posix_fallocate", NULL, true))
        return errno;
    return kernel(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
}

int posix_fallocate64(int fd, off_t at, off_t len) __attribute__((alias("posix_fallocate")));

int fsync(int fd)
{
    return FAILS("fsync", NULL, true) ? -1 : (int)kernel(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return FAILS("fdatasync", NULL, true) ? -1 : (int)kernel(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return FAILS("syncfs", NULL, true) ? -1 : (int)kernel(SYS_syncfs, fd);
}

int ftruncate(int fd, off_t len)
{
    return FAILS("ftruncate", NULL, false) ? -1 : (int)kernel(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));

int mkdirat(int dir, const char *path, mode_t mode)
{
    bool there = kernel(SYS_faccessat, dir, path, F_OK) == 0;

    return !there && FAILS("mkdir", path, true) ? -1 : (int)kernel(SYS_mkdirat, dir, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (FAILS("rename", to, true))
        return -1;
    return (int)kernel(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    if (FAILS("link", to, true))
        return -1;
    return (int)kernel(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlinkat(const char *target, int dir, const char *path)
{
    return FAILS("symlink", path, true) ? -1 : (int)kernel(SYS_symlinkat, target, dir, path);
}

int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}

int unlinkat(int dir, const char *path, int flags)
{
    return FAILS("unlink", path, false) ? -1 : (int)kernel(SYS_unlinkat, dir, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    if (FAILS("utimens", path, false))
        return -1;
    return (int)kernel(SYS_utimensat, dir, path, times, flags);
}

int futimens(int fd, const struct timespec times[2])
{
    return FAILS("utimens", NULL, false) ? -1 : (int)kernel(SYS_utimensat, fd, NULL, times, 0);
}

int fchmod(int fd, mode_t mode)
{
    return FAILS("fchmod", NULL, false) ? -1 : (int)kernel(SYS_fchmod, fd, mode);
}

int fchown(int fd, uid_t user, gid_t group)
{
    return FAILS("fchown", NULL, false) ? -1 : (int)kernel(SYS_fchown, fd, user, group);
}
