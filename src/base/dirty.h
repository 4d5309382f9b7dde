/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories whose entries changed and that are not yet on disk, each once, and files that were
 * written and have no name in them yet. Set to {0}; dirty_free when done. Where directories are
 * very many, the file system is synced as a whole, which is one call.
 */
#ifndef BERTH_BASE_DIRTY_H
#define BERTH_BASE_DIRTY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* So many are synced one by one. */
#define DIRTY_MAX 512

/* So many files; others are synced when they are added. */
#define DIRTY_FILES_MAX 64

struct fs_root;

struct dirty {
    char **path; /* below the root */
    size_t n;
    bool too_many; /* these are not all */
    int *file;     /* open */
    size_t n_files;
    struct fs_settled *placed; /* what is durable in its place once they are synced: fs_settle.h */
    size_t n_placed;
};
#define AUTO_DIRTY __attribute__((cleanup(dirty_free))) struct dirty

void dirty_add(struct dirty *dirty, const char *dir);
/* The directory that path is in. */
void dirty_add_parent(struct dirty *dirty, const char *path);
/* A file that may get its name once the set is synced. It is the set's, which closes it then, and
 * *fd is -1; one too many is synced and closed at once, and where nothing is durable, only closed.
 */
int dirty_add_file(const struct fs_root *root, struct dirty *dirty, int *fd, struct err *err);
void dirty_free(struct dirty *dirty);
/* fsyncs each file and directory once, in no order and where root says so at once (base/fsyncs.h),
 * and empties the set. A directory that is gone again is skipped. -1: nothing of it is to be
 * trusted, and the set wants dirty_free. */
int dirty_sync(const struct fs_root *root, struct dirty *dirty, struct err *err);

#endif
