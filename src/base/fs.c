/* SPDX-License-Identifier: Apache-2.0
 * L0: file calls contained in a root directory: opening, reading, writing, durability. Names and
 * removal are in fs_names.c, locks in fs_lock.c. */
#include "base/fs.h"

#include "base/fs_path.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool openat2_missing;

void fs_force_walk(bool force)
{
    openat2_missing = force;
}

void fs_close_auto(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The kernel's way is one call; this is the same promise without it. */
static int open_walk(int root, const char *path, int flags, mode_t mode)
{
    int dir = root;

    for (;;) {
        const char *slash = strchr(path, '/');
        char component[NAME_MAX + 1];
        size_t len = slash ? (size_t)(slash - path) : strlen(path);
        int fd = -1;

        if (len > NAME_MAX) {
            errno = ENAMETOOLONG;
        } else if (len == 2 && path[0] == '.' && path[1] == '.') {
            errno = EXDEV;
        } else {
            memcpy(component, path, len);
            component[len] = '\0';
            fd = slash ? openat(dir, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                       : openat(dir, component, flags | O_NOFOLLOW, mode);
        }
        int saved = errno;
        if (dir != root)
            close(dir);
        errno = saved;
        if (fd < 0 || !slash)
            return fd;
        dir = fd;
        path = slash + 1;
    }
}

static int open_once(int root, const char *path, int flags, mode_t mode)
{
    if (!openat2_missing) {
        struct open_how how = {
            .flags = (unsigned)flags,
            .mode = flags & O_CREAT ? mode : 0,
            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        /* EPERM: a seccomp filter that is older than the call, as in old container engines. EAGAIN:
         * the kernel asks to try again, a rename raced with the look-up of "..". */
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
            return fd;
        if (errno == ENOSYS)
            openat2_missing = true;
    }
    return open_walk(root, path, flags, mode);
}

int fs_open_raw(const struct fs_root *root, const char *path, int flags)
{
    int fd = open_once(root->fd, path, flags | O_CLOEXEC, root->file_mode);

    if (fd < 0 && errno == ESTALE)
        fd = open_once(root->fd, path, flags | O_CLOEXEC, root->file_mode);
    return fd;
}

int fs_parent_open(const struct fs_root *root, const char *path, const char **base)
{
    const char *slash = strrchr(path, '/');
    char dir[FS_PATH_SIZE];

    if (!slash) {
        *base = path;
        return fs_open_raw(root, ".", O_PATH | O_DIRECTORY);
    }
    size_t len = (size_t)(slash - path);
    if (len >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    *base = slash + 1;
    return fs_open_raw(root, dir, O_PATH | O_DIRECTORY);
}

/* ENOTDIR: a parent of the path is a plain file, so that the path is just as absent. */
bool fs_is_absent(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR;
}

int fs_open(const struct fs_root *root, const char *path, int flags, int *fd, struct err *err)
{
    *fd = fs_open_raw(root, path, flags);
    if (*fd < 0) {
        if (fs_is_absent(errno))
            return 0;
        return err_sys(err, errno, "open %s", path);
    }
    if (flags & O_EXCL && fchmod(*fd, root->file_mode) < 0) {
        err_sys(err, errno, "chmod %s", path);
        fs_close_auto(fd);
        return -1;
    }
    return 1;
}

/* The mode counts whatever the umask is; an existing directory keeps its own. A failure shows when
 * it is opened. */
static void make_directory(const struct fs_root *root, const char *path)
{
    if (mkdir(path, root->dir_mode) == 0 && chmod(path, root->dir_mode) < 0)
        rmdir(path);
}

int fs_root_open(struct fs_root *root, const char *path, bool create, struct err *err)
{
    if (create) {
        char *prefix = mem_strdup(path);
        for (char *c = strchr(prefix + 1, '/'); c; c = strchr(c + 1, '/')) {
            *c = '\0';
            make_directory(root, prefix);
            *c = '/';
        }
        make_directory(root, prefix);
        free(prefix);
    }
    root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0)
        return err_sys(err, errno, "open the store %s", path);
    return 0;
}

void fs_root_close(struct fs_root *root)
{
    fs_close_auto(&root->fd);
}

int fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err)
{
    AUTO_FD fd = fs_open_raw(root, path, O_PATH | O_NOFOLLOW);

    if (fd < 0) {
        if (fs_is_absent(errno))
            return 0;
        return err_sys(err, errno, "stat %s", path);
    }
    if (fstat(fd, st) < 0)
        return err_sys(err, errno, "stat %s", path);
    return 1;
}

int64_t fs_mtime(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int fs_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err)
{
    char *p = bytes;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "read");
        if (n == 0)
            return err_set(err, ERR_IO, "read: the file ended %zu bytes too early", len);
        p += n;
        off += n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "write");
        p += n;
        off += n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
            struct err *err)
{
    AUTO_FD fd = -1;
    struct stat st;

    int found = fs_open(root, path, O_RDONLY | O_NONBLOCK, &fd, err);
    if (found <= 0)
        return found;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "stat %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s is no plain file", path);
    if ((uint64_t)st.st_size > limit)
        return err_set(err, ERR_IO, "%s has %jd bytes, more than %zu", path, (intmax_t)st.st_size,
                       limit);
    char *end = buf_reserve(out, (size_t)st.st_size);
    if (fs_pread_all(fd, end, (size_t)st.st_size, 0, err) < 0)
        return -1;
    out->len += (size_t)st.st_size;
    out->s[out->len] = '\0';
    return 1;
}

int fs_sync_file(const struct fs_root *root, int fd, struct err *err)
{
    if (root->durable && fsync(fd) < 0)
        return err_sys(err, errno, "fsync");
    return 0;
}

int fs_sync_all(const struct fs_root *root, struct err *err)
{
    if (root->durable && syncfs(root->fd) < 0)
        return err_sys(err, errno, "sync the file system");
    return 0;
}

void fs_write_behind(const struct fs_root *root, int fd, off_t off, off_t len)
{
    if (root->durable)
        sync_file_range(fd, off, len, SYNC_FILE_RANGE_WRITE); /* advice: the fsync reports errors */
}

void fs_dirty_add(struct fs_dirty *dirty, const char *dir)
{
    for (size_t i = 0; i < dirty->n; i++)
        if (!strcmp(dirty->path[i], dir))
            return;
    dirty->path = mem_grow(dirty->path, dirty->n + 1, sizeof *dirty->path);
    dirty->path[dirty->n++] = mem_strdup(dir);
}

void fs_dirty_parent(struct fs_dirty *dirty, const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[FS_PATH_SIZE];
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash) {
        fs_dirty_add(dirty, ".");
    } else if (len < sizeof dir) {
        memcpy(dir, path, len);
        dir[len] = '\0';
        fs_dirty_add(dirty, dir);
    }
}

void fs_dirty_free(struct fs_dirty *dirty)
{
    for (size_t i = 0; i < dirty->n; i++)
        free(dirty->path[i]);
    free(dirty->path);
    *dirty = (struct fs_dirty){0};
}

int fs_dirty_sync(const struct fs_root *root, struct fs_dirty *dirty, struct err *err)
{
    for (size_t i = 0; root->durable && i < dirty->n; i++) {
        AUTO_FD fd = -1;
        int found = fs_open(root, dirty->path[i], O_RDONLY | O_DIRECTORY, &fd, err);
        if (found < 0)
            return -1;
        if (found && fsync(fd) < 0)
            return err_sys(err, errno, "fsync directory %s", dirty->path[i]);
    }
    fs_dirty_free(dirty);
    return 0;
}
