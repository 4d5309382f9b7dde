/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of the file system of a store that several hosts serve (`shared` in berth.conf):
 * whether this host sees at once what another one did. Where a mount's caches show it late, what is
 * read under a lock may be old: If-Match, immutable tags and the collector's second look depend on
 * it. `berth check-storage` measures it, and notes it below _berth/storage, a file for each host.
 */
#ifndef BERTH_STORAGE_STORAGE_H
#define BERTH_STORAGE_STORAGE_H

#include "store/store.h"

#define STORAGE_HOST_SIZE 254 /* a name of the DNS, with the NUL */

/* For what was not measured, of caches and of clocks: an NFS client with the options that it has by
 * itself looks at a directory again after a minute at most, and clocks may differ by as much. */
#define STORAGE_UNKNOWN_MS 60000

/* What a host measured with another one. */
struct storage {
    char host[STORAGE_HOST_SIZE];
    char with[STORAGE_HOST_SIZE];
    bool sound;       /* all that the other one did was seen at once, and its locks excluded */
    int64_t late_ms;  /* how old what was seen could be */
    int64_t clock_ms; /* how much the two clocks, or one and the file server's, differed at most */
};

/* The name under which this host's record stands: $BERTH_HOST, or else that of gethostname(2). In
 * containers it is their machine's, whose mounts they have: each new one has a name of its own. */
void storage_host(char host[STORAGE_HOST_SIZE]);

/* What identifies the mount that the directory fd is on: its type, what is mounted, and with which
 * options, as far as the kernel shows them. ERR_IO: /proc is not there. */
int storage_mount(int fd, struct buf *mount, struct err *err);

/* Writes the record of storage->host, with this mount and the time. */
int storage_note(const struct store *store, const struct storage *storage, struct err *err);

/* Whether what is read here under a lock is what was written last: the store is not shared, or this
 * host was found to see changes at once, on this mount. ERR_STORAGE says why not. */
int storage_trust(const struct store *store, struct err *err);

/* How late any host may see what others did: by its caches alone, and with the difference of the
 * clocks, in whole seconds. Of a host that nobody checked, or whose locks do not exclude, it is a
 * guess on the safe side, and 0 where the store is not shared. */
struct storage_lateness {
    int64_t caches_ms;
    int64_t seconds;
};
int storage_lateness(const struct store *store, struct storage_lateness *lateness, struct err *err);

#endif
