/* SPDX-License-Identifier: Apache-2.0
 * L0: file calls contained in a root directory: opening, reading, writing, renaming, removing. */
#include "base/fs.h"

#include "base/dir.h"
#include "base/file.h"
#include "base/fs_boot.h"
#include "base/fs_path.h"
#include "base/fs_settle.h"
#include "base/mem.h"
#include "base/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mode_t mode_of(const struct fs_root *root, const char *path, mode_t mode)
{
    if (!root->is_private || !root->is_private(path))
        return mode;
    return mode & S_IWGRP ? mode & ~(mode_t)S_IRWXO : mode & ~(mode_t)(S_IRWXG | S_IRWXO);
}

mode_t fs_file_mode(const struct fs_root *root, const char *path)
{
    return mode_of(root, path, root->file_mode);
}

mode_t fs_dir_mode(const struct fs_root *root, const char *path)
{
    return mode_of(root, path, root->dir_mode);
}

int fs_open(const struct fs_root *root, const char *path, int flags, int *fd, struct err *err)
{
    TIMED(flags & O_ACCMODE ? TIMING_OPEN_WRITE : TIMING_OPEN_READ, path);

    *fd = fs_path_open(root, path, flags);
    if (*fd < 0) {
        if (fs_path_is_absent(errno))
            return 0;
        return err_sys(err, errno, "open %s", path);
    }
    if (flags & O_EXCL && fchmod(*fd, fs_file_mode(root, path)) < 0) {
        err_sys(err, errno, "chmod %s", path);
        file_close(fd);
        return -1;
    }
    return 1;
}

/* The mode counts whatever the umask is; an existing directory keeps its own. What it was that
 * failed, of this or else of the one before; it shows when it is opened. */
static int make_directory(const struct fs_root *root, const char *path, int before)
{
    int failed = mkdir(path, root->dir_mode) < 0 ? errno : 0;

    if (!failed && chmod(path, root->dir_mode) < 0) {
        failed = errno;
        rmdir(path);
    }
    return before || failed == EEXIST ? before : failed;
}

int fs_root_open(struct fs_root *root, const char *path, bool create, struct err *err)
{
    int failed = 0;

    if (create) {
        char *prefix = mem_strdup(path);
        for (char *c = strchr(prefix + 1, '/'); c; c = strchr(c + 1, '/')) {
            *c = '\0';
            failed = make_directory(root, prefix, failed);
            *c = '/';
        }
        failed = make_directory(root, prefix, failed);
        free(prefix);
    }
    root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0)
        return err_sys(err, failed && errno == ENOENT ? failed : errno, "open the store %s", path);
    root->at_once = root->durable && !fs_boot_is_memory(root->fd);
    if (create && fs_settle_root(root, path, err) < 0) {
        fs_root_close(root);
        return -1;
    }
    return 0;
}

void fs_root_close(struct fs_root *root)
{
    file_close(&root->fd);
}

/* How often a look that a change on another host has spoilt is taken again. */
#define STALE_RETRIES 3

static int stat_once(const struct fs_root *root, const char *path, struct stat *st, struct err *err)
{
    AUTO_FD fd = fs_path_open(root, path, O_PATH | O_NOFOLLOW);

    if (fd < 0) {
        if (fs_path_is_absent(errno))
            return 0;
        return err_sys(err, errno, "stat %s", path);
    }
    if (fstat(fd, st) < 0)
        return err_sys(err, errno, "stat %s", path);
    return 1;
}

int fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err)
{
    TIMED(TIMING_STAT, path);
    struct err why = {0};

    int found = stat_once(root, path, st, &why);
    for (int i = 0; i < STALE_RETRIES && found < 0 && why.sys == ESTALE; i++)
        found = stat_once(root, path, st, &why);
    return found < 0 ? err_copy(err, &why) : found;
}

int64_t fs_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int read_once(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                     struct err *why)
{
    AUTO_FD fd = -1;
    struct err failure;

    int found = fs_open(root, path, O_RDONLY | O_NONBLOCK, &fd, why);
    if (found <= 0 || file_read_open(fd, limit, out, &failure) == 0)
        return found;
    err_set(why, failure.code, "%s: %s", path, failure.msg);
    why->sys = failure.sys;
    return -1;
}

/* On a shared file system another host may put a new file in its place between any two calls. */
int fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
            struct err *err)
{
    TIMED(TIMING_READ, path);
    size_t before = out->len;
    struct err why = {0};

    int found = read_once(root, path, limit, out, &why);
    for (int i = 0; i < STALE_RETRIES && found < 0 && (why.sys == ESTALE || why.sys == ENOENT);
         i++) {
        out->len = before;
        found = read_once(root, path, limit, out, &why);
    }
    return found < 0 ? err_copy(err, &why) : found;
}

int fs_sync_file(const struct fs_root *root, int fd, struct err *err)
{
    if (root->durable && file_sync(fd) < 0)
        return err_sys(err, errno, "fsync");
    return 0;
}

int fs_sync_path(const struct fs_root *root, const char *path, struct err *err)
{
    AUTO_FD fd = -1;

    int found = fs_open(root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, &fd, err);
    return found > 0 && fs_sync_file(root, fd, err) < 0 ? -1 : found;
}

int fs_sync_all(const struct fs_root *root, struct err *err)
{
    TIMED(TIMING_SYNC, NULL);

    if (root->durable && syncfs(root->fd) < 0)
        return err_sys(err, errno, "sync the file system");
    return 0;
}

void fs_write_behind(const struct fs_root *root, int fd, off_t off, off_t len)
{
    if (root->durable)
        sync_file_range(fd, off, len, SYNC_FILE_RANGE_WRITE); /* advice: the fsync reports errors */
}

static int mkdirs_parent(const struct fs_root *root, const char *path, struct dirty *dirty,
                         struct err *err)
{
    char dir[FS_PATH_SIZE];
    const char *slash = strrchr(path, '/');

    if (!slash)
        return 0;
    if (snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path) >= (int)sizeof dir)
        return err_sys(err, ENAMETOOLONG, "mkdir %s", path);
    return dir_make(root, dir, dirty, err);
}

static int put_once(const struct fs_root *root, const char *from, const char *to,
                    struct dirty *dirty, struct err *why)
{
    TIMED(TIMING_MOVE, to);
    const char *from_base, *to_base;

    if (mkdirs_parent(root, to, dirty, why) < 0)
        return -1;
    AUTO_FD from_dir = fs_path_parent(root, from, &from_base);
    if (from_dir < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(why, errno, "open the directory of %s", from);
    AUTO_FD to_dir = fs_path_parent(root, to, &to_base);
    if (to_dir < 0)
        return err_sys(why, errno, "open the directory of %s", to);
    if (renameat(from_dir, from_base, to_dir, to_base) < 0) {
        int errnum = errno;
        if (fs_path_is_absent(errnum) &&
            faccessat(from_dir, from_base, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            return 0;
        return err_sys(why, errnum, "rename %s to %s", from, to);
    }
    dirty_add_parent(dirty, to);
    return 1;
}

/* Somebody may remove a directory that is empty before anything is in it. */
int fs_put(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
           struct err *err)
{
    struct err why = {0};

    int put = put_once(root, from, to, dirty, &why);
    for (int i = 0; i < STALE_RETRIES && put < 0 && why.sys == ENOENT; i++)
        put = put_once(root, from, to, dirty, &why);
    return put < 0 ? err_copy(err, &why) : put;
}

int fs_rename(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
              struct err *err)
{
    int renamed = fs_put(root, from, to, dirty, err);

    if (renamed > 0)
        dirty_add_parent(dirty, from);
    return renamed;
}

int fs_take(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
            struct err *err)
{
    AUTO_DIRTY unneeded = {0};

    int renamed = fs_put(root, from, to, &unneeded, err);
    if (renamed > 0)
        dirty_add_parent(dirty, from);
    return renamed;
}

/* Where the name that a file is to have is private, and that which it has is not. */
static int take_mode(const struct fs_root *root, int fd, const char *tmp, const char *path,
                     struct err *err)
{
    mode_t mode = fs_file_mode(root, path);

    if (mode == fs_file_mode(root, tmp) || fchmod(fd, mode) == 0)
        return 0;
    return err_sys(err, errno, "chmod %s", tmp);
}

static void throw_away(const struct fs_root *root, const char *tmp)
{
    AUTO_DIRTY unneeded = {0};

    fs_unlink(root, tmp, &unneeded, NULL);
}

int fs_make(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
            size_t len, struct dirty *dirty, struct err *err)
{
    TIMED(TIMING_REPLACE, path);
    AUTO_FD fd = -1;

    int made = fs_open(root, tmp, O_WRONLY | O_CREAT | O_EXCL, &fd, err);
    if (made <= 0)
        return made < 0 ? -1 : err_sys(err, ENOENT, "create %s", tmp);
    if (file_pwrite_all(fd, bytes, len, 0, err) == 0 && take_mode(root, fd, tmp, path, err) == 0 &&
        dirty_add_file(root, dirty, &fd, err) == 0)
        return 0;
    throw_away(root, tmp);
    return -1;
}

int fs_replace(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
               size_t len, struct dirty *dirty, struct err *err)
{
    TIMED(TIMING_REPLACE, path);
    AUTO_DIRTY file = {0};

    if (fs_make(root, tmp, path, bytes, len, &file, err) < 0)
        return -1;
    int renamed = dirty_sync(root, &file, err) < 0 ? -1 : fs_put(root, tmp, path, dirty, err);
    if (renamed > 0)
        return 0;
    if (renamed == 0)
        err_set(err, ERR_IO, "%s vanished", tmp);
    throw_away(root, tmp);
    return -1;
}

int fs_unlink(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err)
{
    TIMED(TIMING_REMOVE, path);
    const char *base;
    AUTO_FD parent = fs_path_parent(root, path, &base);

    if (parent < 0 || unlinkat(parent, base, 0) < 0) {
        if (fs_path_is_absent(errno))
            return 0;
        return err_sys(err, errno, "remove %s", path);
    }
    dirty_add_parent(dirty, path);
    return 1;
}

/* Who is not root cannot open what he may not read, but he can only change what is his own. */
int fs_set_mode(const struct fs_root *root, const char *path, mode_t mode, struct err *err)
{
    const char *base;
    AUTO_FD fd = fs_path_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0)
        return fchmod(fd, mode) < 0 ? err_sys(err, errno, "chmod %s", path) : 1;
    if (fs_path_is_absent(errno))
        return 0;
    int errnum = errno;
    AUTO_FD parent = fs_path_parent(root, path, &base);
    struct stat st;
    if (errnum != EACCES || geteuid() == 0 || parent < 0 ||
        fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
        return err_sys(err, errnum, "open %s", path);
    return fchmodat(parent, base, mode, 0) < 0 ? err_sys(err, errno, "chmod %s", path) : 1;
}

int fs_set_owner(const struct fs_root *root, const char *path, uid_t uid, gid_t gid,
                 struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_path_parent(root, path, &base);

    if (parent < 0 || fchownat(parent, base, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
        if (fs_path_is_absent(errno))
            return 0;
        return err_sys(err, errno, "chown %s", path);
    }
    return 1;
}

int fs_may_write(const struct fs_root *root, const char *path, struct err *err)
{
    AUTO_FD fd = fs_path_open(root, path, O_PATH | O_NOFOLLOW);

    if (fd < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "open %s", path);
    if (faccessat(fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0)
        return err_sys(err, errno, "write to %s", path);
    return 1;
}

int fs_touch(const struct fs_root *root, const char *path, struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_path_parent(root, path, &base);

    if (parent < 0 || utimensat(parent, base, NULL, AT_SYMLINK_NOFOLLOW) < 0) {
        if (fs_path_is_absent(errno))
            return 0;
        return err_sys(err, errno, "touch %s", path);
    }
    return 1;
}

#define SECOND INT64_C(1000000000)

/* That much ahead are times that were put behind others, or made by another host. What is further
 * ahead was made by a clock that was wrong. */
static bool has_to_follow(const struct stat *before, const struct stat *after)
{
    int64_t ahead = fs_mtime(before) - fs_mtime(after);

    return ahead >= 0 && ahead < 60 * SECOND;
}

/* Who does not own it cannot: there two times within a tick are the same. A file system may keep no
 * more than seconds, as ext4 with small inodes. */
static int put_behind(int fd, const struct stat *before)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};
    struct stat after;

    times[1].tv_nsec += 1000;
    if (times[1].tv_nsec >= SECOND)
        times[1] = (struct timespec){.tv_sec = times[1].tv_sec + 1};
    if (futimens(fd, times) < 0)
        return errno == EPERM ? 0 : -1;
    if (fstat(fd, &after) < 0)
        return -1;
    if (fs_mtime(&after) > fs_mtime(before))
        return 0;
    times[1] = (struct timespec){.tv_sec = before->st_mtim.tv_sec + 1};
    return futimens(fd, times);
}

int fs_touch_anew(const struct fs_root *root, const char *path, struct err *err)
{
    AUTO_FD fd = fs_path_open(root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    struct stat before, after;

    if (fd < 0)
        return fs_path_is_absent(errno) || errno == ELOOP ? 0
                                                          : err_sys(err, errno, "open %s", path);
    if (fstat(fd, &before) < 0)
        return err_sys(err, errno, "stat %s", path);
    if (!S_ISREG(before.st_mode))
        return 0;
    if (futimens(fd, NULL) < 0 || fstat(fd, &after) < 0 ||
        (has_to_follow(&before, &after) && put_behind(fd, &before) < 0))
        return err_sys(err, errno, "touch %s", path);
    return 1;
}
