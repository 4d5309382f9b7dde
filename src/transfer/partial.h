/* SPDX-License-Identifier: Apache-2.0
 *
 * Files outside the store that are there whole or not at all: written under a name that begins with
 * `prefix` and ends with ".tmp", and renamed at the end. While it is being written such a file is
 * locked, so that what a killed process left is told from what is being written. As plain as can
 * be, for media with FAT too: no modes, no links.
 */
#ifndef BERTH_TRANSFER_PARTIAL_H
#define BERTH_TRANSFER_PARTIAL_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>

/* For a process that may make files there only as somebody else: take comes before what makes,
 * looks for, renames or removes a name, drop behind it. */
struct partial_rights {
    void (*take)(void);
    void (*drop)(void);
};
/* NULL: there is nothing to do. */
void partial_take(const struct partial_rights *rights);
void partial_drop(const struct partial_rights *rights);

struct partial {
    int dir; /* the caller's */
    int fd;  /* -1: there is none */
    const struct partial_rights *rights;
    char name[NAME_MAX + 1];
};

int partial_create(struct partial *partial, int dir, const char *prefix,
                   const struct partial_rights *rights, struct err *err);
/* Renames it to `name` in to_dir, over what is there; with sync it is on disk before. The new name
 * is on disk when the caller has synced to_dir. */
int partial_commit(struct partial *partial, int to_dir, const char *name, bool sync,
                   struct err *err);
/* Removes it, unless it was committed. */
void partial_abandon(struct partial *partial);
/* Removes what killed processes left of such files in dir. */
void partial_clean(int dir, const char *prefix, const struct partial_rights *rights);

#endif
