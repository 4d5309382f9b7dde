/* SPDX-License-Identifier: Apache-2.0
 *
 * Where programs are: berth.fcgi, which was built or installed together with this one, and others.
 */
#ifndef BERTH_SERVE_PROGRAM_H
#define BERTH_SERVE_PROGRAM_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* berth.fcgi, beside this program where that was built, or else where it was installed. ERR_CONFIG
 * if it isn't there. */
int program_fcgi(struct buf *path, struct err *err);
/* A program on PATH or in an administrator's directories, which are not on everybody's PATH. False:
 * there is none. */
bool program_find(struct buf *path, const char *name);

#endif
