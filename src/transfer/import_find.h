/* SPDX-License-Identifier: Apache-2.0
 *
 * Which images a source holds.
 */
#ifndef BERTH_TRANSFER_IMPORT_FIND_H
#define BERTH_TRANSFER_IMPORT_FIND_H

#include "transfer/import_run.h"

/* Fills import->found with what is in import->source, of whatever format. ARCHIVE_INVALID. */
int import_find(struct import *import, struct err *err);

#endif
