/* SPDX-License-Identifier: Apache-2.0
 *
 * What the system does not let this process do, in one message: who it runs as, and the command
 * that cures it. What root sees as fine is often what the user of the workers may not read.
 */
#ifndef BERTH_BASE_MAY_H
#define BERTH_BASE_MAY_H

#include "base/buf.h"
#include "base/err.h"

/* Looks whether this process may read a file, or list and enter a directory. ERR_CONFIG: it may
 * not. 0 also where something else is wrong with it, or it is not there. */
int may_read(const char *path, struct err *err);

/* Sets ERR_IO with this errno: nothing can be made or changed in a directory of data, which may not
 * even be there. */
int may_not_write(const char *directory, int errnum, struct err *err);

/* Sets ERR_IO with this errno: whoever calls a command may not do in a directory of data what it
 * wants to; he is told as whom to run it. */
int may_not_use(const char *directory, int errnum, struct err *err);

/* What to add to the message of err, if it is that something in a directory of data belongs to
 * somebody else. */
void may_hint(const char *directory, const struct err *err, struct buf *out);

#endif
