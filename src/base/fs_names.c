/* SPDX-License-Identifier: Apache-2.0
 * L0: directory entries in a root: making, renaming, removing, listing. */
#include "base/fs.h"

#include "base/fs_path.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int mkdir_one(const struct fs_root *root, const char *path, struct fs_dirty *dirty,
                     struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_parent_open(root, path, &base);

    if (parent < 0)
        return err_sys(err, errno, "open the directory of %s", path);
    if (mkdirat(parent, base, root->dir_mode) < 0) {
        int errnum = errno;
        struct stat st;
        if (errnum == EEXIST && fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
            return 0;
        return err_sys(err, errnum, "mkdir %s", path);
    }
    if (fchmodat(parent, base, root->dir_mode, 0) < 0)
        return err_sys(err, errno, "chmod %s", path);
    fs_dirty_parent(dirty, path);
    return 0;
}

int fs_mkdirs(const struct fs_root *root, const char *path, struct fs_dirty *dirty, struct err *err)
{
    char prefix[FS_PATH_SIZE];
    struct stat st;

    int found = fs_stat(root, path, &st, err);
    if (found < 0)
        return -1;
    if (found && S_ISDIR(st.st_mode))
        return 0;
    for (size_t i = 0; i < sizeof prefix; i++) {
        prefix[i] = path[i];
        if (path[i] == '/' || path[i] == '\0') {
            prefix[i] = '\0';
            if (mkdir_one(root, prefix, dirty, err) < 0)
                return -1;
            if (path[i] == '\0')
                return 0;
            prefix[i] = '/';
        }
    }
    return err_sys(err, ENAMETOOLONG, "mkdir %s", path);
}

static int mkdirs_parent(const struct fs_root *root, const char *path, struct fs_dirty *dirty,
                         struct err *err)
{
    char dir[FS_PATH_SIZE];
    const char *slash = strrchr(path, '/');

    if (!slash)
        return 0;
    if (snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path) >= (int)sizeof dir)
        return err_sys(err, ENAMETOOLONG, "mkdir %s", path);
    return fs_mkdirs(root, dir, dirty, err);
}

static int rename_over(const struct fs_root *root, const char *from, const char *to,
                       struct fs_dirty *dirty, struct err *err)
{
    const char *from_base, *to_base;

    if (mkdirs_parent(root, to, dirty, err) < 0)
        return -1;
    AUTO_FD from_dir = fs_parent_open(root, from, &from_base);
    if (from_dir < 0)
        return fs_is_absent(errno) ? 0 : err_sys(err, errno, "open the directory of %s", from);
    AUTO_FD to_dir = fs_parent_open(root, to, &to_base);
    if (to_dir < 0)
        return err_sys(err, errno, "open the directory of %s", to);
    if (renameat(from_dir, from_base, to_dir, to_base) < 0) {
        int errnum = errno;
        if (fs_is_absent(errnum) && faccessat(from_dir, from_base, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            return 0;
        return err_sys(err, errnum, "rename %s to %s", from, to);
    }
    fs_dirty_parent(dirty, to);
    return 1;
}

int fs_rename(const struct fs_root *root, const char *from, const char *to, struct fs_dirty *dirty,
              struct err *err)
{
    int renamed = rename_over(root, from, to, dirty, err);

    if (renamed > 0)
        fs_dirty_parent(dirty, from);
    return renamed;
}

int fs_replace(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
               size_t len, struct fs_dirty *dirty, struct err *err)
{
    AUTO_FD fd = -1;
    AUTO_DIRTY unneeded = {0};

    int made = fs_open(root, tmp, O_WRONLY | O_CREAT | O_EXCL, &fd, err);
    if (made <= 0)
        return made < 0 ? -1 : err_sys(err, ENOENT, "create %s", tmp);
    if (fs_pwrite_all(fd, bytes, len, 0, err) < 0 || fs_sync_file(root, fd, err) < 0)
        goto failed;
    fs_close_auto(&fd);
    int renamed = rename_over(root, tmp, path, dirty, err);
    if (renamed > 0)
        return 0;
    if (renamed == 0)
        err_set(err, ERR_IO, "%s vanished", tmp);
failed:
    fs_unlink(root, tmp, &unneeded, NULL);
    return -1;
}

static int unlink_entry(const struct fs_root *root, const char *path, int flags,
                        struct fs_dirty *dirty, struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_parent_open(root, path, &base);

    if (parent < 0 || unlinkat(parent, base, flags) < 0) {
        int errnum = errno;
        bool kept = flags & AT_REMOVEDIR && (errnum == ENOTEMPTY || errnum == EEXIST);
        if (fs_is_absent(errnum) || kept)
            return 0;
        return err_sys(err, errnum, "remove %s", path);
    }
    fs_dirty_parent(dirty, path);
    return 1;
}

int fs_unlink(const struct fs_root *root, const char *path, struct fs_dirty *dirty, struct err *err)
{
    return unlink_entry(root, path, 0, dirty, err);
}

int fs_rmdir(const struct fs_root *root, const char *path, struct fs_dirty *dirty, struct err *err)
{
    return unlink_entry(root, path, AT_REMOVEDIR, dirty, err);
}

static bool is_dot(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* The store's trees are a handful of levels deep; a deeper one is not ours. */
#define REMOVE_DEPTH_MAX 64

static int remove_below(int dir_fd, int depth, struct err *err)
{
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        close(dir_fd);
        return err_sys(err, errno, "list a directory to remove");
    }
    struct dirent *entry;
    int result = 0;
    while (result == 0 && (errno = 0, entry = readdir(dir))) {
        if (is_dot(entry->d_name) || unlinkat(dirfd(dir), entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        int child =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0 && errno == ENOENT) /* somebody else is removing it too */
            continue;
        if (child < 0 || depth == REMOVE_DEPTH_MAX) {
            result = err_sys(err, child < 0 ? errno : ELOOP, "remove %s", entry->d_name);
            fs_close_auto(&child);
            break;
        }
        result = remove_below(child, depth + 1, err);
        if (result == 0 && unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            result = err_sys(err, errno, "remove %s", entry->d_name);
    }
    closedir(dir);
    return result;
}

int fs_remove_tree(const struct fs_root *root, const char *path, struct err *err)
{
    int dir;
    AUTO_DIRTY dirty = {0};

    int found = fs_open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, &dir, err);
    if (found <= 0)
        return found;
    if (remove_below(dir, 0, err) < 0)
        return -1;
    return fs_rmdir(root, path, &dirty, err);
}

/* Who is not root cannot open what he may not read, but he can only change what is his own. */
int fs_set_mode(const struct fs_root *root, const char *path, mode_t mode, struct err *err)
{
    const char *base;
    AUTO_FD fd = fs_open_raw(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0)
        return fchmod(fd, mode) < 0 ? err_sys(err, errno, "chmod %s", path) : 1;
    if (fs_is_absent(errno))
        return 0;
    int errnum = errno;
    AUTO_FD parent = fs_parent_open(root, path, &base);
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
    AUTO_FD parent = fs_parent_open(root, path, &base);

    if (parent < 0 || fchownat(parent, base, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
        if (fs_is_absent(errno))
            return 0;
        return err_sys(err, errno, "chown %s", path);
    }
    return 1;
}

int fs_peek(int dir, const char *path, struct stat *st, struct err *err)
{
    if (fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return fs_is_absent(errno) ? 0 : err_sys(err, errno, "stat %s", path);
}

int fs_remove_lone(const struct fs_root *dir, const char *child, const char *file,
                   fs_may_go_fn *may_go, void *context, struct err *err)
{
    AUTO_FD fd = fs_open_raw(dir, child, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return fs_is_absent(errno) ? 0 : err_sys(err, errno, "open %s", child);
    int found = fs_peek(fd, file, &st, err);
    if (found <= 0 || !may_go(context, &st))
        return found < 0 ? -1 : 0;
    if (unlinkat(fd, file, 0) < 0)
        return fs_is_absent(errno) ? 0 : err_sys(err, errno, "remove %s/%s", child, file);
    fs_close_auto(&fd); /* an open directory that is removed stays on NFS */
    if (unlinkat(dir->fd, child, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST &&
        errno != ENOENT)
        return err_sys(err, errno, "remove %s", child);
    return 1;
}

int fs_touch(const struct fs_root *root, const char *path, struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_parent_open(root, path, &base);

    if (parent < 0 || utimensat(parent, base, NULL, AT_SYMLINK_NOFOLLOW) < 0) {
        if (fs_is_absent(errno))
            return 0;
        return err_sys(err, errno, "touch %s", path);
    }
    return 1;
}

int fs_each(const struct fs_root *root, const char *path, fs_visit_fn *visit, void *context,
            struct err *err)
{
    int fd;

    int found = fs_open(root, path, O_RDONLY | O_DIRECTORY, &fd, err);
    if (found <= 0)
        return found;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return err_sys(err, errno, "list %s", path);
    }
    struct dirent *entry;
    bool stop = false;
    while (!stop && (errno = 0, entry = readdir(dir)))
        stop = entry->d_name[0] != '.' && visit(context, entry->d_name);
    int errnum = stop ? 0 : errno;
    closedir(dir);
    if (errnum)
        return err_sys(err, errnum, "list %s", path);
    return 1;
}

static bool visit_add(void *context, const char *name)
{
    strings_add(context, name);
    return false;
}

int fs_list(const struct fs_root *root, const char *path, struct strings *names, struct err *err)
{
    int found = fs_each(root, path, visit_add, names, err);

    strings_sort(names);
    return found;
}
