/* SPDX-License-Identifier: Apache-2.0
 *
 * Open-file-description locks (F_OFD_SETLK) on a whole file: held until fd is closed, freed by the
 * kernel when the process dies. Open the file after fork: an inherited descriptor shares its lock.
 */
#ifndef BERTH_BASE_FS_LOCK_H
#define BERTH_BASE_FS_LOCK_H

#include "base/err.h"

#include <sys/types.h>

enum fs_lock { FS_LOCK_SHARED, FS_LOCK_EXCLUSIVE };
/* 1, or 0: somebody else holds it. */
int fs_lock_try(int fd, enum fs_lock kind, struct err *err);
/* Waits in the kernel for up to timeout_ms, whatever signals come; the thread's own SIGRTMIN ends
 * that, of which nobody else may make use. Where a file server keeps the lock, whose clients may
 * neither wake up in time nor let themselves be woken, it tries again and again with back-off. */
int fs_lock_wait(int fd, enum fs_lock kind, int timeout_ms, struct err *err);
/* The same, told under a name (base/timing.h). */
int fs_lock_wait_as(int fd, enum fs_lock kind, const char *name, int timeout_ms, struct err *err);

/* For ranges of bytes of one file, each with a meaning of its own; exclusive. fs_lock_range: 1, or
 * 0: somebody else holds some of it. fs_lock_is_held: whether somebody else holds the byte. */
int fs_lock_range(int fd, off_t at, off_t len, struct err *err);
int fs_lock_release(int fd, off_t at, off_t len, struct err *err);
int fs_lock_is_held(int fd, off_t at, struct err *err);

/* Lets go of the lock, then closes, unless *fd is -1, which it is afterwards. Where one is held
 * this is the way to close: on GlusterFS close(2) returns before others find the lock free. */
void fs_lock_close(int *fd);
#define AUTO_LOCKED_FD __attribute__((cleanup(fs_lock_close))) int

#endif
