/* SPDX-License-Identifier: Apache-2.0
 * L0: directories in a root: making, removing, listing. */
#include "base/dir.h"

#include "base/dir_read.h"
#include "base/file.h"
#include "base/fs_path.h"
#include "base/fs_settle.h"
#include "base/timing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int mkdir_one(const struct fs_root *root, const char *path, struct dirty *dirty,
                     struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_path_parent(root, path, &base);

    if (parent < 0)
        return err_sys(err, errno, "open the directory of %s", path);
    mode_t mode = fs_dir_mode(root, path);
    if (mkdirat(parent, base, mode) < 0) {
        int errnum = errno;
        struct stat st;
        if (errnum == EEXIST && fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
            return 0;
        return err_sys(err, errnum, "mkdir %s", path);
    }
    if (fchmodat(parent, base, mode, 0) < 0)
        return err_sys(err, errno, "chmod %s", path);
    dirty_add_parent(dirty, path);
    fs_settle_note(root, path, dirty);
    return 0;
}

int dir_make(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err)
{
    char prefix[FS_PATH_SIZE];
    AUTO_FD there = fs_path_open(root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);

    if (there < 0 && !fs_path_is_absent(errno))
        return err_sys(err, errno, "open %s", path);
    if (fs_settle_ancestors(root, path, dirty, err) < 0)
        return -1;
    if (there >= 0)
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

int dir_remove(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err)
{
    const char *base;
    AUTO_FD parent = fs_path_parent(root, path, &base);

    if (parent < 0 || unlinkat(parent, base, AT_REMOVEDIR) < 0) {
        if (fs_path_is_absent(errno) || errno == ENOTEMPTY || errno == EEXIST)
            return 0;
        return err_sys(err, errno, "remove %s", path);
    }
    dirty_add_parent(dirty, path);
    return 1;
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
            file_close(&child);
            break;
        }
        result = remove_below(child, depth + 1, err);
        if (result == 0 && unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            result = err_sys(err, errno, "remove %s", entry->d_name);
    }
    closedir(dir);
    return result;
}

int dir_remove_tree(const struct fs_root *root, const char *path, struct err *err)
{
    int dir = fs_path_open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    AUTO_DIRTY dirty = {0};

    if (dir < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "open %s", path);
    if (remove_below(dir, 0, err) < 0)
        return -1;
    return dir_remove(root, path, &dirty, err);
}

int dir_peek(int dir, const char *path, struct stat *st, struct err *err)
{
    if (fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "stat %s", path);
}

int dir_remove_lone(const struct fs_root *dir, const char *child, const char *file,
                    dir_may_go_fn *may_go, void *context, struct err *err)
{
    AUTO_FD fd = fs_path_open(dir, child, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "open %s", child);
    int found = dir_peek(fd, file, &st, err);
    if (found <= 0 || !may_go(context, &st))
        return found < 0 ? -1 : 0;
    if (unlinkat(fd, file, 0) < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "remove %s/%s", child, file);
    file_close(&fd); /* an open directory that is removed stays on NFS */
    if (unlinkat(dir->fd, child, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST &&
        errno != ENOENT)
        return err_sys(err, errno, "remove %s", child);
    return 1;
}

int dir_look(const struct fs_root *root, const char *path, dir_look_fn *look, void *context,
             struct err *err)
{
    struct dir_read read;
    const struct dirent64 *dirent;
    bool stop = false;
    AUTO_FD fd = fs_path_open(root, path, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        return fs_path_is_absent(errno) ? 0 : err_sys(err, errno, "open %s", path);
    dir_read_start(&read, fd);
    while (!stop && (dirent = dir_read_next(&read))) {
        const struct dir_entry entry = {dirent->d_name, fd, dirent->d_type == DT_DIR};
        stop = entry.name[0] != '.' && look(context, &entry);
    }
    if (read.failed)
        return err_sys(err, read.failed, "list %s", path);
    return 1;
}

struct each {
    dir_visit_fn *visit;
    void *context;
};

static bool look_at_name(void *context, const struct dir_entry *entry)
{
    const struct each *each = context;

    return each->visit(each->context, entry->name);
}

int dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit, void *context,
             struct err *err)
{
    struct each each = {visit, context};

    return dir_look(root, path, look_at_name, &each, err);
}

static bool visit_add(void *context, const char *name)
{
    strings_add(context, name);
    return false;
}

int dir_list(const struct fs_root *root, const char *path, struct strings *names, struct err *err)
{
    TIMED(TIMING_LIST, path);
    int found = dir_each(root, path, visit_add, names, err);

    strings_sort(names);
    return found;
}
