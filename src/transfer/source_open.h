/* SPDX-License-Identifier: Apache-2.0
 *
 * A source from what somebody opened: a directory, a file or a pipe.
 */
#ifndef BERTH_TRANSFER_SOURCE_OPEN_H
#define BERTH_TRANSFER_SOURCE_OPEN_H

#include "transfer/source.h"

/* fd is the source's from then on, also if it failed. Reading begins where it stands; in a
 * directory, files are opened with the rights that the process has then. source_close afterwards,
 * unless it failed. */
int source_open(struct source **source, int fd, const char *label, struct err *err);

#endif
