/* SPDX-License-Identifier: Apache-2.0
 *
 * Open-file-description locks (F_OFD_SETLK) on a whole file: held until fd is closed, freed by the
 * kernel when the process dies. Open the file after fork: an inherited descriptor shares its lock.
 */
#ifndef BERTH_BASE_FS_LOCK_H
#define BERTH_BASE_FS_LOCK_H

#include "base/err.h"

enum fs_lock { FS_LOCK_SHARED, FS_LOCK_EXCLUSIVE };
/* 1, or 0: somebody else holds it. */
int fs_lock_try(int fd, enum fs_lock kind, struct err *err);
/* Tries again with back-off for up to timeout_ms. */
int fs_lock_wait(int fd, enum fs_lock kind, int timeout_ms, struct err *err);

#endif
