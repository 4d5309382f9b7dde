/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory as an output (output.h): a new OCI image layout, or one that grows. Each blob is
 * there whole or not at all, and index.json names it only then. A medium may hold anything: links
 * are not followed.
 */
#ifndef BERTH_TRANSFER_OUTPUT_DIRECTORY_H
#define BERTH_TRANSFER_OUTPUT_DIRECTORY_H

#include "transfer/output.h"
#include "transfer/partial.h"

/* fd is the output's from then on, also if it failed. sync: what finish acknowledges survives a
 * power cut. rights: to make files there; NULL: the process has them. BUSY: another export writes
 * to it. */
int output_directory_open(struct output **output, int fd, const char *label, bool sync,
                          const struct partial_rights *rights, struct err *err);

#endif
