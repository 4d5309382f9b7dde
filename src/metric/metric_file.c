/* SPDX-License-Identifier: Apache-2.0
 * L2: the file of counters. Owns /run/berth/metrics and /dev/shm/berth-<uid>. */
#include "metric/metric_shared.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/fs_lock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_BYTES 200
#define MAKE_TRIES 10

/* --- where it is --- */

/* As systemd writes a path into a name, so that a reader knows it again: /var/lib/registry is
 * var-lib-registry. What does not fit is made distinct by a hash. */
static void add_name(struct buf *path, const char *root)
{
    uint64_t hash = 14695981039346656037u;
    size_t n = 0;

    for (const char *c = root; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (const char *c = root + 1; *c && n < NAME_MAX_BYTES; c++, n++)
        buf_addc(path, *c == '/' ? '-' : *c);
    buf_addf(path, "-%08jx", (uintmax_t)(hash & 0xffffffff));
}

/* Nobody else may put a file there under this user's feet. */
static bool is_safe(const char *directory)
{
    struct stat st;

    return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) &&
           (st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & S_IWOTH);
}

static bool is_usable(const char *directory)
{
    return is_safe(directory) && access(directory, W_OK | X_OK) == 0;
}

static int find_directory(struct buf *path, const char *directory, struct err *err)
{
    if (*directory) {
        buf_addstr(path, directory);
        if (mkdir(path->s, 0750) < 0 && errno != EEXIST)
            return err_sys(err, errno, "metrics_dir: %s", directory);
        if (!is_usable(path->s))
            return err_set(err, ERR_IO,
                           "metrics_dir: %s must be a directory of this user, or of root and "
                           "writable for its group, but not for others",
                           directory);
        return 0;
    }
    buf_addstr(path, METRIC_DIRECTORY);
    if (is_usable(path->s))
        return 0;
    buf_clear(path);
    buf_addf(path, METRIC_ELSEWHERE "/berth-%ju", (uintmax_t)geteuid());
    if (mkdir(path->s, 0700) < 0 && errno != EEXIST)
        return err_sys(err, errno, "%s", path->s);
    return is_usable(path->s) ? 0 : err_set(err, ERR_IO, "%s is not this user's alone", path->s);
}

/* --- a file that is cut off --- */

static struct {
    char *at;
    size_t len;
} mapped;

/* A page behind the end of the file: whoever cut it off wanted no counts. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    char *where = info->si_addr;

    (void)context;
    if (mapped.at && where >= mapped.at && where < mapped.at + mapped.len &&
        mmap(mapped.at, mapped.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0) != MAP_FAILED)
        return;
    signal(number, SIG_DFL);
}

static int map(struct metric_file *file, struct err *err)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    void *at = mmap(NULL, sizeof *file->shared, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (at == MAP_FAILED)
        return err_sys(err, errno, "map %s", file->path);
    file->shared = at;
    mapped.at = at;
    mapped.len = sizeof *file->shared;
    sigaction(SIGBUS, &action, NULL);
    return 0;
}

/* --- the file itself --- */

static bool is_ours(int fd)
{
    struct stat st;
    struct metric_head head;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == sizeof(struct metric_shared) &&
           pread(fd, &head, sizeof head, 0) == sizeof head && head.magic == METRIC_MAGIC &&
           head.version == METRIC_VERSION && head.size == sizeof(struct metric_shared);
}

/* Opened, and as this version wants it. *why is errno where it is not. */
static int open_ours(const char *path, int *why)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *why = fd < 0 ? errno : 0;
    if (fd >= 0 && !is_ours(fd)) {
        file_close(&fd);
        *why = EBADMSG;
    }
    return fd;
}

/* Puts a new one there, whatever stands there. */
static int make(const char *path, mode_t mode, struct err *err)
{
    AUTO_BUF tmp = BUF_INIT;
    const struct metric_head head = {.magic = METRIC_MAGIC,
                                     .version = METRIC_VERSION,
                                     .size = sizeof(struct metric_shared),
                                     .since = (int64_t)time(NULL)};

    buf_addf(&tmp, "%s.%ld", path, (long)getpid());
    unlink(tmp.s);
    AUTO_FD fd = open(tmp.s, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_sys(err, errno, "make %s", tmp.s);
    /* Room for all of it, so that no page is missed later; fallocate(3) sets no errno. */
    if (fchmod(fd, mode) < 0 ||
        (errno = posix_fallocate(fd, 0, sizeof(struct metric_shared))) != 0 ||
        pwrite(fd, &head, sizeof head, 0) < 0 || rename(tmp.s, path) < 0) {
        err_sys(err, errno, "make %s", path);
        unlink(tmp.s);
        return -1;
    }
    return 0;
}

/* Of several who find none, or one that is no good, one makes it. */
static int make_alone(const char *path, mode_t mode, struct err *err)
{
    AUTO_BUF lock = BUF_INIT;
    int why;

    buf_addf(&lock, "%s.lock", path);
    AUTO_FD fd = open(lock.s, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_sys(err, errno, "open %s", lock.s);
    if (fchmod(fd, mode) < 0 && errno != EPERM) /* another user of the group may have made it */
        return err_sys(err, errno, "chmod %s", lock.s);
    if (fs_lock_wait(fd, FS_LOCK_EXCLUSIVE, 5000, err) <= 0)
        return -1;
    AUTO_FD made = open_ours(path, &why);
    int result = made >= 0 ? 0 : make(path, mode, err);
    fs_lock_close(&fd);
    return result;
}

static int open_or_make(struct metric_file *file, mode_t mode, struct err *err)
{
    struct stat st;
    int why;

    for (int i = 0; i < MAKE_TRIES; i++) {
        file->fd = open_ours(file->path, &why);
        if (file->fd >= 0 && fstat(file->fd, &st) == 0) {
            file->device = st.st_dev;
            file->inode = st.st_ino;
            return map(file, err);
        }
        if (make_alone(file->path, mode, err) < 0)
            return -1;
    }
    return err_sys(err, why, "open %s", file->path);
}

int metric_file_open(struct metric_file *file, const char *directory, const char *root, mode_t mode,
                     struct err *err)
{
    AUTO_BUF path = BUF_INIT;
    char *resolved = realpath(root, NULL);

    *file = (struct metric_file){.fd = -1};
    int result = find_directory(&path, directory, err);
    if (result == 0) {
        buf_addc(&path, '/');
        add_name(&path, resolved ? resolved : root);
        file->path = mem_strdup(path.s);
        result = open_or_make(file, mode, err);
    }
    free(resolved);
    if (result < 0)
        metric_file_close(file);
    return result;
}

bool metric_file_is_current(const struct metric_file *file)
{
    struct stat st;

    return stat(file->path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode &&
           st.st_size == sizeof *file->shared;
}

void metric_file_close(struct metric_file *file)
{
    if (file->shared) {
        mapped.at = NULL;
        munmap(file->shared, sizeof *file->shared);
    }
    file_close(&file->fd);
    free(file->path);
    *file = (struct metric_file){.fd = -1};
}
