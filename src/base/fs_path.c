/* SPDX-License-Identifier: Apache-2.0
 * L0: the way of a path below a root: openat2(2), or the walk where the kernel lacks it. */
#include "base/fs_path.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool openat2_missing;

void fs_path_force_walk(bool force)
{
    openat2_missing = force;
}

/* What openat(2) says of a link where it is to follow none depends on the flags: for a directory it
 * is ENOTDIR, as of a plain file, which stands for "absent". openat2(2) says ELOOP. */
static int errno_of(int dir, const char *component, int errnum)
{
    struct stat st;
    bool link = errnum == ENOTDIR && fstatat(dir, component, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(st.st_mode);

    return link ? ELOOP : errnum;
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
            if (fd < 0 && (slash || !(flags & O_NOFOLLOW)))
                errno = errno_of(dir, component, errno);
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

int fs_path_open(const struct fs_root *root, const char *path, int flags)
{
    mode_t mode = flags & O_CREAT ? fs_file_mode(root, path) : 0;
    int fd = open_once(root->fd, path, flags | O_CLOEXEC, mode);

    if (fd < 0 && errno == ESTALE)
        fd = open_once(root->fd, path, flags | O_CLOEXEC, mode);
    return fd;
}

int fs_path_parent(const struct fs_root *root, const char *path, const char **base)
{
    const char *slash = strrchr(path, '/');
    char dir[FS_PATH_SIZE];

    if (!slash) {
        *base = path;
        return fs_path_open(root, ".", O_PATH | O_DIRECTORY);
    }
    size_t len = (size_t)(slash - path);
    if (len >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    *base = slash + 1;
    return fs_path_open(root, dir, O_PATH | O_DIRECTORY);
}

/* ENOTDIR: a parent of the path is a plain file, so that the path is just as absent. */
bool fs_path_is_absent(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR;
}
