/* SPDX-License-Identifier: Apache-2.0
 *
 * A tar as a source (source.h): of a file only the list is in memory. A pipe or a compressed file
 * is first unpacked onto the store's file system. Links lead to other members.
 */
#ifndef BERTH_TRANSFER_SOURCE_TAR_H
#define BERTH_TRANSFER_SOURCE_TAR_H

#include "transfer/source.h"

struct source *source_tar_new(int fd, const char *label); /* fd is the source's */

#endif
