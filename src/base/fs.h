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
#include "base/dirty.h"
#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct fs_root {
    int fd;           /* the directory, open; closed by fs_root_close */
    bool durable;     /* false: fsync nothing (tests, caches) */
    bool at_once;     /* what is to be synced is: base/fsyncs.h; by fs_root_open */
    mode_t file_mode; /* of new files, whatever the umask */
    mode_t dir_mode;
    /* What is only for those who write here: a group that may not write may not read it either.
     * NULL: nothing. */
    bool (*is_private)(const char *path);
};

/* The mode of a new file or directory there. */
mode_t fs_file_mode(const struct fs_root *root, const char *path);
mode_t fs_dir_mode(const struct fs_root *root, const char *path);

/* Opens (with create: makes, parents too, durably) the directory at path as a root. */
int fs_root_open(struct fs_root *root, const char *path, bool create, struct err *err);
void fs_root_close(struct fs_root *root);

/* Opens a file or directory; *fd is the caller's. flags as open(2); O_CREAT gives it fs_file_mode.
 * 0: ENOENT. */
int fs_open(const struct fs_root *root, const char *path, int flags, int *fd, struct err *err);
int fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
/* When the file was changed last, in nanoseconds since 1970. */
int64_t fs_mtime(const struct stat *st);

/* Appends the whole file to out; a file longer than limit is an ERR_IO. */
int fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
            struct err *err);
int fs_sync_file(const struct fs_root *root, int fd, struct err *err);
/* All that was changed in the file system so far, by anyone: one call where many directories would
 * each need their own fsync. */
int fs_sync_all(const struct fs_root *root, struct err *err);
/* Asks the kernel to start writing the range back, so that a later fsync does not stall for long.
 */
void fs_write_behind(const struct fs_root *root, int fd, off_t off, off_t len);

/* Makes path hold the bytes at once or not at all: writes and fsyncs tmp, then renames it. Makes
 * path's directories. The new name is durable after dirty_sync. */
int fs_replace(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
               size_t len, struct dirty *dirty, struct err *err);
/* The first half of that, for a file that is given its name later, by fs_put: makes tmp, with the
 * mode that it is to have at path, or not at all. It is durable after dirty_sync. */
int fs_make(const struct fs_root *root, const char *tmp, const char *path, const void *bytes,
            size_t len, struct dirty *dirty, struct err *err);
/* Renames over whatever stands at `to`, making its directories. 0: `from` is not there. */
int fs_rename(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
              struct err *err);
/* The same where only one of the two names counts, and only its directory is to be synced: the new
 * one, or the old one of what is thrown away. */
int fs_put(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
           struct err *err);
int fs_take(const struct fs_root *root, const char *from, const char *to, struct dirty *dirty,
            struct err *err);
/* Removes a file. */
int fs_unlink(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err);
/* Sets the mode or the owner of a file or directory, never of what a link points at, durably enough
 * for something that can be set again. */
int fs_set_mode(const struct fs_root *root, const char *path, mode_t mode, struct err *err);
int fs_set_owner(const struct fs_root *root, const char *path, uid_t uid, gid_t gid,
                 struct err *err);
/* Whether this process may make something in a directory, or write a file. ERR_IO with errno: it
 * may not. 0: it is not there. */
int fs_may_write(const struct fs_root *root, const char *path, struct err *err);
/* Sets the modification time to now. */
int fs_touch(const struct fs_root *root, const char *path, struct err *err);
/* The same of a plain file, so that it is another time than any before, if need be one that is yet
 * to come: a clock of files ticks some hundred times a second, and a file system may keep whole
 * seconds. 0: there is no plain file. */
int fs_touch_anew(const struct fs_root *root, const char *path, struct err *err);
/* fsyncs a file by its name, for its times. 0: it is not there. */
int fs_sync_path(const struct fs_root *root, const char *path, struct err *err);

#endif
