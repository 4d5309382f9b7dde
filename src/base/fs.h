/* SPDX-License-Identifier: Apache-2.0
 *
 * All file calls, relative to a root directory that nothing can leave: paths are opened with
 * openat2(2), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, or where the kernel lacks it component by
 * component with O_NOFOLLOW.
 *
 * Works on shared POSIX file systems (NFSv4, GlusterFS, CephFS): no O_TMPFILE, ESTALE is retried
 * once.
 *
 * Paths have no leading slash. Functions that look for something return 1 (found, done), 0 (not
 * there) or -1 with *err set; the others 0 or -1.
 */
#ifndef BERTH_BASE_FS_H
#define BERTH_BASE_FS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct fs_root {
    int fd;           /* the directory, open; closed by fs_root_close */
    bool durable;     /* false: fsync nothing (tests, caches) */
    mode_t file_mode; /* of new files, whatever the umask */
    mode_t dir_mode;
};

#define AUTO_FD __attribute__((cleanup(fs_close_auto))) int
void fs_close_auto(int *fd);

/* Opens (with create: makes, parents too) the directory at path as a root. */
int fs_root_open(struct fs_root *root, const char *path, bool create, struct err *err);
void fs_root_close(struct fs_root *root);

/* For tests: go the way of a kernel without openat2(2). */
void fs_force_walk(bool force);

/* Directories whose entries changed and that are not yet on disk. Set to {0}; fs_dirty_free when
 * done. */
struct fs_dirty {
    char **path;
    size_t n;
};
#define AUTO_DIRTY __attribute__((cleanup(fs_dirty_free))) struct fs_dirty
void fs_dirty_add(struct fs_dirty *dirty, const char *dir);
void fs_dirty_free(struct fs_dirty *dirty);
/* fsyncs each directory once and empties the set. One that is gone again is skipped. */
int fs_dirty_sync(const struct fs_root *root, struct fs_dirty *dirty, struct err *err);

/* Opens a file or directory; *fd is the caller's. flags as open(2); O_CREAT gives it root's
 * file_mode. 0: ENOENT. */
int fs_open(const struct fs_root *root, const char *path, int flags, int *fd, struct err *err);
int fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
/* When the file was changed last, in nanoseconds since 1970. */
int64_t fs_mtime(const struct stat *st);

/* Appends the whole file to out; a file longer than limit is an ERR_IO. */
int fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
            struct err *err);
/* Reads exactly len bytes at off, or fails. */
int fs_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err);
int fs_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err);
int fs_sync_file(const struct fs_root *root, int fd, struct err *err);
/* All that was changed in the file system so far, by anyone: one call where many directories would
 * each need their own fsync. */
int fs_sync_all(const struct fs_root *root, struct err *err);
/* Asks the kernel to start writing the range back, so that a later fsync does not stall for long.
 */
void fs_write_behind(const struct fs_root *root, int fd, off_t off, off_t len);

/* Makes a directory and the parents that are missing; adds the changed ones to dirty. */
int fs_mkdirs(const struct fs_root *root, const char *path, struct fs_dirty *dirty,
              struct err *err);
/* Makes path hold the bytes at once or not at all: writes and fsyncs tmp, then renames it. Makes
 * path's directories. The new name is durable after fs_dirty_sync. */
int fs_replace(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
               size_t len, struct fs_dirty *dirty, struct err *err);
/* Renames over whatever stands at `to`, making its directories. 0: `from` is not there. */
int fs_rename(const struct fs_root *root, const char *from, const char *to, struct fs_dirty *dirty,
              struct err *err);
/* Removes a file. */
int fs_unlink(const struct fs_root *root, const char *path, struct fs_dirty *dirty,
              struct err *err);
/* Removes a directory if it is empty. 0: it is not, or is not there. */
int fs_rmdir(const struct fs_root *root, const char *path, struct fs_dirty *dirty, struct err *err);
/* Removes a directory with everything below it; links are removed, never followed. */
int fs_remove_tree(const struct fs_root *root, const char *path, struct err *err);
/* Sets the mode or the owner of a file or directory, never of what a link points at, durably enough
 * for something that can be set again. */
int fs_set_mode(const struct fs_root *root, const char *path, mode_t mode, struct err *err);
int fs_set_owner(const struct fs_root *root, const char *path, uid_t uid, gid_t gid,
                 struct err *err);
/* Sets the modification time to now. */
int fs_touch(const struct fs_root *root, const char *path, struct err *err);

/* For many look-ups in one directory that is open, as fs_open gives it: a system call each. A
 * symbolic link in the middle of the path is followed, out of the root too, so take the answer for
 * no more than a hint. */
int fs_peek(int dir, const char *path, struct stat *st, struct err *err);
/* Removes dir/child/file, and dir/child if nothing else is in it, provided that the file is still
 * what the caller wants to remove. 0: it is not, or is not there. Links are not followed. */
typedef bool fs_may_go_fn(void *context, const struct stat *st);
int fs_remove_lone(const struct fs_root *dir, const char *child, const char *file,
                   fs_may_go_fn *may_go, void *context, struct err *err);

/* Calls visit for each name in a directory, in no order, leaving out those that start with a dot,
 * until it returns true. 1: visited, 0: there is no such directory. */
typedef bool fs_visit_fn(void *context, const char *name);
int fs_each(const struct fs_root *root, const char *path, fs_visit_fn *visit, void *context,
            struct err *err);

/* The names in a directory, in byte order, without those that start with a dot. */
int fs_list(const struct fs_root *root, const char *path, struct strings *names, struct err *err);

/* Open-file-description locks (F_OFD_SETLK) on a whole file: held until fd is closed, freed by the
 * kernel when the process dies. Open the file after fork: an inherited descriptor shares its lock.
 * 0: somebody else holds it. */
enum fs_lock { FS_LOCK_SHARED, FS_LOCK_EXCLUSIVE };
int fs_lock_try(int fd, enum fs_lock kind, struct err *err);
/* Tries again with back-off for up to timeout_ms. */
int fs_lock_wait(int fd, enum fs_lock kind, int timeout_ms, struct err *err);

#endif
