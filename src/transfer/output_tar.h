/* SPDX-License-Identifier: Apache-2.0
 *
 * A tar as an output (output.h): a file or a stream.
 */
#ifndef BERTH_TRANSFER_OUTPUT_TAR_H
#define BERTH_TRANSFER_OUTPUT_TAR_H

#include "pack/archive.h"
#include "transfer/output.h"

/* fd stays the caller's, and what becomes of the file is his to say: it is whole after finish. */
struct output *output_tar_new(int fd, const char *label, enum archive_packing packing);

#endif
