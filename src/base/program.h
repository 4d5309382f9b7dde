/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the programs are that were built or installed together with this one.
 */
#ifndef BERTH_BASE_PROGRAM_H
#define BERTH_BASE_PROGRAM_H

#include "base/buf.h"
#include "base/err.h"

/* Beside this program where that was built, or else where it was installed. ERR_CONFIG if it isn't
 * there. */
int program_own(struct buf *path, const char *name, struct err *err);

#endif
