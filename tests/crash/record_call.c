/* SPDX-License-Identifier: Apache-2.0
 * The recorder's knowledge of system calls: what each changes, read from the process that makes it.
 */
#include "crash/record.h"
#include "crash/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How to read the arguments of a call. */
enum reading {
    OPEN,   /* dir, path, flags or struct open_how */
    HOW,    /* the same with struct open_how */
    MAKE,   /* dir, path: creat */
    PATH,   /* dir, path */
    PAIR,   /* dir, path, second dir, second path */
    FD,     /* of a file */
    LENGTH, /* path or fd, length */
    WRITE,  /* fd, and an offset */
    COPY,   /* fd, and a pointer to an offset */
    TIMES,  /* dir, path that may be NULL */
    ALL,
};

#define HERE (-1) /* in place of an argument: the current directory */
#define NONE (-1)

/* The arguments by their places: a is the directory or descriptor, b the path, c and d what is
 * left. */
static const struct row {
    long nr;
    enum reading reading;
    const char *call;
    int a, b, c, d;
} rows[] = {
    {SYS_openat, OPEN, NULL, 0, 1, 2, NONE},
    {SYS_openat2, HOW, NULL, 0, 1, 2, NONE},
    {SYS_write, WRITE, "write", 0, NONE, NONE, NONE},
    {SYS_writev, WRITE, "write", 0, NONE, NONE, NONE},
    {SYS_sendfile, WRITE, "write", 0, NONE, NONE, NONE},
    {SYS_pwrite64, WRITE, "write", 0, NONE, 3, NONE},
    {SYS_pwritev, WRITE, "write", 0, NONE, 3, NONE},
    {SYS_pwritev2, WRITE, "write", 0, NONE, 3, NONE},
    {SYS_copy_file_range, COPY, "write", 2, NONE, 3, NONE},
    {SYS_fallocate, LENGTH, "extend", 0, NONE, 2, 3},
    {SYS_ftruncate, LENGTH, "truncate", 0, NONE, 1, NONE},
    {SYS_truncate, LENGTH, "truncate", HERE, 0, 1, NONE},
    {SYS_fsync, FD, "fsync", 0, NONE, NONE, NONE},
    {SYS_fdatasync, FD, "fsync", 0, NONE, NONE, NONE},
    {SYS_syncfs, FD, "syncfs", 0, NONE, NONE, NONE},
    {SYS_sync, ALL, "syncfs", NONE, NONE, NONE, NONE},
    {SYS_mkdirat, PATH, "mkdir", 0, 1, NONE, NONE},
    {SYS_renameat, PAIR, "rename", 0, 1, 2, 3},
    {SYS_renameat2, PAIR, "rename", 0, 1, 2, 3},
    {SYS_linkat, PAIR, "link", 0, 1, 2, 3},
    {SYS_symlinkat, PATH, "symlink", 1, 2, NONE, NONE},
    {SYS_unlinkat, PATH, "unlink", 0, 1, 2, NONE},
    {SYS_utimensat, TIMES, "utime", 0, 1, NONE, NONE},
#ifdef SYS_open
    {SYS_open, OPEN, NULL, HERE, 0, 1, NONE},
    {SYS_creat, MAKE, NULL, HERE, 0, NONE, NONE},
    {SYS_mkdir, PATH, "mkdir", HERE, 0, NONE, NONE},
    {SYS_rename, PAIR, "rename", HERE, 0, HERE, 1},
    {SYS_link, PAIR, "link", HERE, 0, HERE, 1},
    {SYS_symlink, PATH, "symlink", HERE, 1, NONE, NONE},
    {SYS_unlink, PATH, "unlink", HERE, 0, NONE, NONE},
    {SYS_rmdir, PATH, "rmdir", HERE, 0, NONE, NONE},
    {SYS_utime, PATH, "utime", HERE, 0, NONE, NONE},
    {SYS_utimes, PATH, "utime", HERE, 0, NONE, NONE},
    {SYS_futimesat, TIMES, "utime", 0, 1, NONE, NONE},
#endif
};

static const char *root;
static size_t root_len;

void call_begin(const char *directory)
{
    root = directory;
    root_len = strlen(directory);
}

int call_number(size_t n)
{
    return n < COUNT(rows) ? (int)rows[n].nr : -1;
}

/* Where the descriptor's file is now; "" if it has no name any more. */
static void path_of_fd(pid_t tid, int fd, char *path)
{
    tracee_file(tid, fd, path, PATH_MAX);
    const char *gone = " (deleted)";
    size_t n = strlen(path), m = strlen(gone);
    if (path[0] != '/' || (n > m && !strcmp(path + n - m, gone)))
        path[0] = '\0';
}

static void normalise(char *path)
{
    char *to = path;

    for (const char *from = path; *from;) {
        const char *end = strchrnul(from + 1, '/');
        size_t len = (size_t)(end - from);
        if (len == 1 || (len == 2 && from[1] == '.')) {
            /* "/" or "/." */
        } else if (len == 3 && from[1] == '.' && from[2] == '.') {
            while (to > path && *--to != '/')
                ;
        } else {
            memmove(to, from, len);
            to += len;
        }
        from = end;
    }
    *to = '\0';
}

static void path_of(pid_t tid, int dir, uint64_t address, char *path)
{
    static char name[PATH_MAX], base[PATH_MAX];

    tracee_text(tid, address, name, sizeof name);
    if (name[0] == '/') {
        memcpy(path, name, PATH_MAX);
    } else {
        path_of_fd(tid, dir, base);
        if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX || !base[0])
            path[0] = '\0';
    }
    normalise(path);
}

static bool inside(const char *path)
{
    return !strncmp(path, root, root_len) && (path[root_len] == '/' || path[root_len] == '\0');
}

/* Opening what is there changes nothing, unless it is cut off. */
static void look_at_open(struct change *change, uint64_t flags)
{
    struct stat st;

    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE)
        return;
    bool there = lstat(change->path, &st) == 0;
    if (!there || flags & O_TRUNC)
        change->call = there ? "truncate" : "create";
}

static void look_at_flags(const struct row *row, pid_t tid, const uint64_t args[6],
                          struct change *change)
{
    struct open_how how = {0};

    switch (row->reading) {
    case OPEN:
        look_at_open(change, args[row->c]);
        break;
    case HOW:
        tracee_peek(tid, args[row->c], &how, sizeof how);
        look_at_open(change, how.flags);
        break;
    case MAKE:
        look_at_open(change, O_CREAT | O_TRUNC);
        break;
    case WRITE:
        change->offset = row->c == NONE ? -1 : (int64_t)args[row->c];
        break;
    case COPY:
        change->offset = -1;
        if (args[row->c])
            tracee_peek(tid, args[row->c], &change->offset, sizeof change->offset);
        break;
    case LENGTH:
        change->len = (int64_t)args[row->c] + (row->d == NONE ? 0 : (int64_t)args[row->d]);
        break;
    default:
        if (row->nr == SYS_unlinkat && args[row->c] & AT_REMOVEDIR)
            change->call = "rmdir";
    }
}

void call_look(pid_t tid, uint64_t nr, const uint64_t args[6], struct change *change)
{
    const struct row *row = rows;

    change->call = NULL;
    change->path[0] = change->other[0] = '\0';
    change->offset = change->len = 0;
    while (row < rows + COUNT(rows) && (uint64_t)row->nr != nr)
        row++;
    if (row == rows + COUNT(rows))
        return;
    change->call = row->call;
    int dir = row->a == HERE ? AT_FDCWD : (int)args[row->a];
    change->fd = dir;
    if (row->reading == ALL)
        snprintf(change->path, sizeof change->path, "%s", root);
    else if (row->b == NONE || (row->reading == TIMES && !args[row->b]))
        path_of_fd(tid, dir, change->path);
    else
        path_of(tid, dir, args[row->b], change->path);
    if (row->reading == PAIR)
        path_of(tid, row->c == HERE ? AT_FDCWD : (int)args[row->c], args[row->d], change->other);
    look_at_flags(row, tid, args, change);
    if (change->call && !inside(change->path) && !inside(change->other))
        change->call = NULL;
}

static int64_t position(pid_t tid, int fd)
{
    char path[64], line[128];
    int64_t at = -1;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", tid, fd);
    FILE *file = fopen(path, "re");
    while (file && at < 0 && fgets(line, sizeof line, file))
        if (!strncmp(line, "pos:", 4))
            at = strtoll(line + 4, NULL, 10);
    if (file)
        fclose(file);
    return at;
}

/* The bytes are read from the file: nobody else has changed it since. */
static void log_data(pid_t tid, const struct change *c, int64_t from, int64_t len, FILE *data)
{
    char path[64], bytes[65536];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", tid, c->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        DIE("%s: %s", c->path, strerror(errno));
    while (len > 0) {
        ssize_t n =
            pread(fd, bytes, len < (int64_t)sizeof bytes ? (size_t)len : sizeof bytes, from);
        if (n <= 0)
            DIE("%s changed under the recorder", c->path);
        fwrite(bytes, 1, (size_t)n, data);
        from += n;
        len -= n;
    }
    close(fd);
}

static const char *below(const char *path)
{
    return !inside(path) ? "" : path[root_len] ? path + root_len + 1 : ".";
}

void call_log(pid_t tid, struct change *c, int64_t result, FILE *log, FILE *data)
{
    struct stat st;

    if (!strcmp(c->call, "write")) {
        if (c->offset < 0)
            c->offset = position(tid, c->fd) - result;
        log_data(tid, c, c->offset, result, data);
        c->len = result;
    } else if (!strcmp(c->call, "utime") && lstat(c->path, &st) == 0) {
        c->offset = st.st_mtim.tv_sec;
    }
    fflush(data); /* who reads the log meanwhile finds the bytes of each line */
    fprintf(log, "%s\t%s\t%s\t%jd\t%jd\n", c->call, below(c->path), below(c->other),
            (intmax_t)c->offset, (intmax_t)c->len);
    fflush(log);
}
