/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of digests, one a line, as `berth ls --digests` prints them.
 */
#ifndef BERTH_TRANSFER_HAVE_H
#define BERTH_TRANSFER_HAVE_H

#include "oci/digest_map.h"

#include <stdio.h>

/* Adds the digests in the file to the map. Empty lines and what stands behind a # do not count.
 * ERR_USAGE names the line that is no digest. */
int have_read(struct digest_map *map, FILE *file, const char *label, struct err *err);

#endif
