/* SPDX-License-Identifier: Apache-2.0
 *
 * Open files, wherever they come from, and whole files that users name: password files, keys,
 * certificates. What is in a store is opened by base/fs.h.
 */
#ifndef BERTH_BASE_FILE_H
#define BERTH_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define AUTO_FD __attribute__((cleanup(file_close))) int
/* Closes it, unless it is -1, which it is afterwards. */
void file_close(int *fd);
/* Closes all from this number on, for a child that is about to be another program. */
void file_close_from(int first);

/* Reads exactly len bytes at off, or fails. */
int file_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err);
int file_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err);

/* fsync(2), which a signal on a network's file system may cut short before it has told anything; -1
 * with errno. */
int file_sync(int fd);

/* Appends the path from the root on, of a file that is opened later, in another directory. Where a
 * symbolic link leads is not looked at: by then it may lead elsewhere, as those of a volume of
 * Kubernetes do after each change. */
int file_absolute(const char *path, struct buf *out, struct err *err);

/* Messages of the following give the reason alone: the caller says which file it was. */

/* Appends all that is in a plain file; another kind of file, and one longer than limit, is an
 * ERR_IO. */
int file_read_open(int fd, size_t limit, struct buf *out, struct err *err);
/* The same for a path; nobody waits for a pipe. err->sys is errno where the file is not there or
 * may not be read. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err);

/* Both make path hold the bytes whole or not at all, whoever reads it meanwhile, and durably. */

/* A new file, for this group, or with -1 for that of whoever makes it; err->sys is EEXIST where
 * there is one. */
int file_create(const char *path, mode_t mode, gid_t group, const void *bytes, size_t len,
                struct err *err);
/* In place of the file that is there, with its owner and mode. Of a symbolic link, the link goes.
 */
int file_replace(const char *path, const struct stat *like, const void *bytes, size_t len,
                 struct err *err);

#endif
