/* SPDX-License-Identifier: Apache-2.0
 *
 * What file systems, and those who look after them, leave among the files of a store: lost+found of
 * ext4, @eaDir and #recycle of network storage, snapshots, the trash of desktops, quota files, what
 * NFS keeps of a file that is open, and what a write of Distribution leaves that was broken off. No
 * program reads it, and nobody minds it, wherever it stands.
 */
#ifndef BERTH_BASE_LITTER_H
#define BERTH_BASE_LITTER_H

#include <stdbool.h>

/* Whether something of this name is litter; as a directory, aquota.user or a.tmp may be a
 * repository or a tag. */
bool litter_is(const char *name, bool is_directory);

#endif
