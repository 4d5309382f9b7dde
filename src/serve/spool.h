/* SPDX-License-Identifier: Apache-2.0
 *
 * Spools: directories where a web server keeps request bodies that are still coming in: on the
 * store's file system, since they may be as large as all that is being pushed; but on the host's
 * own disk where the store is shared, since each would cross the network twice more. A spool
 * belongs to the process that opened it; those whose process has died are litter, which the next
 * one removes.
 */
#ifndef BERTH_SERVE_SPOOL_H
#define BERTH_SERVE_SPOOL_H

#include "store/store.h"

struct spool {
    struct fs_root fs; /* where it is; the store's own if in_store */
    bool in_store;
    int lock;   /* held while the spool is in use; -1: there is none */
    char *name; /* below fs */
    char *path; /* absolute */
};
#define AUTO_SPOOL __attribute__((cleanup(spool_close))) struct spool

/* Makes a spool, after removing those that nobody uses any more. */
int spool_open(const struct store *store, struct spool *spool, struct err *err);
/* Removes it with all that is in it. */
void spool_close(struct spool *spool);

#endif
