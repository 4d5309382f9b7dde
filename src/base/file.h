/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files that users name, wherever they are: password files, keys, certificates. What is in a
 * store goes through base/fs.h. Messages give the reason alone: the caller says which file it was.
 */
#ifndef BERTH_BASE_FILE_H
#define BERTH_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/stat.h>

/* Appends what is in the file, which must be a plain one of at most limit bytes; nobody waits for a
 * pipe. ERR_IO, with errno in err->sys where the file is not there or may not be read. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err);

/* Both make path hold the bytes whole or not at all, whoever reads it meanwhile, and durably. */

/* A new file; EEXIST where there is one. */
int file_create(const char *path, mode_t mode, const void *bytes, size_t len, struct err *err);
/* In place of the file that is there, with its owner and mode. Of a symbolic link, the link goes.
 */
int file_replace(const char *path, const struct stat *like, const void *bytes, size_t len,
                 struct err *err);

#endif
