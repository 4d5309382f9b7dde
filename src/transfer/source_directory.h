/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory as a source (source.h). Links are not followed, and what lies more than 12 levels
 * deep is not visited.
 */
#ifndef BERTH_TRANSFER_SOURCE_DIRECTORY_H
#define BERTH_TRANSFER_SOURCE_DIRECTORY_H

#include "transfer/source.h"

/* fd is the source's. The last component of the label is its name. ERR_IO keeps errno: EACCES is
 * for whoever opened it, and may read less now, to explain. */
struct source *source_directory_new(int fd, const char *label);

#endif
