/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of kinds of file systems, by what storage_mount says: berth-store(5), "Several
 * hosts".
 */
#ifndef BERTH_STORAGE_STORAGE_KIND_H
#define BERTH_STORAGE_STORAGE_KIND_H

/* The type of one that no other host mounts; NULL: others may. */
const char *storage_kind_local(const char *mount);
/* Commands, one a line, that mount it so that its caches keep nothing back; NULL where it is local.
 */
const char *storage_kind_remedy(const char *mount);

#endif
