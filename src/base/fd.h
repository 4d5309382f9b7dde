/* SPDX-License-Identifier: Apache-2.0
 *
 * Open descriptors, wherever they come from.
 */
#ifndef BERTH_BASE_FD_H
#define BERTH_BASE_FD_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

#define AUTO_FD __attribute__((cleanup(fd_close))) int
/* Closes it, unless it is -1, which it is afterwards. */
void fd_close(int *fd);

/* Reads exactly len bytes at off, or fails. */
int fd_pread_all(int fd, void *bytes, size_t len, off_t off, struct err *err);
int fd_pwrite_all(int fd, const void *bytes, size_t len, off_t off, struct err *err);
/* Appends all that is in a plain file; another kind of file, and one longer than limit, is an
 * ERR_IO, whose message gives the reason alone. */
int fd_read(int fd, size_t limit, struct buf *out, struct err *err);

#endif
