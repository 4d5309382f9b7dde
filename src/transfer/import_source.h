/* SPDX-License-Identifier: Apache-2.0
 *
 * What an import reads from: a directory, or a tar file of which only the list is in memory. A pipe
 * or a compressed file is first unpacked onto the store's file system.
 *
 * Names are paths within it, as saved_path makes them. Nothing outside is ever read: links lead to
 * other members of the archive, and in a directory they are not followed.
 */
#ifndef BERTH_TRANSFER_IMPORT_SOURCE_H
#define BERTH_TRANSFER_IMPORT_SOURCE_H

#include "base/arena.h"
#include "pack/archive.h"
#include "store/store.h"

#include <stdbool.h>

struct source_member {
    const char *name;
    const char *target; /* of a link, as a name; NULL: it is a file */
    int64_t offset, size;
};

struct source {
    const char *path; /* as the user named it */
    bool is_directory;
    struct fs_root directory;
    int fd;                       /* of the tar file; -1 */
    struct source_member *member; /* sorted by name */
    size_t n_members;
    struct arena names;
};

/* Opens what the user named (`-` is standard input), with the rights that the process has now. */
int source_open(struct source *source, const char *path, struct err *err);
/* Looks what it is, and lists it. ARCHIVE_INVALID. */
int source_load(struct source *source, const struct store *store, const struct progress *progress,
                struct err *err);
void source_close(struct source *source);

/* A file in it: size bytes from offset on. */
struct source_file {
    int fd;
    bool own; /* fd is closed by source_file_close */
    int64_t offset, size;
};
/* 1, or 0: there is none of this name. */
int source_find(const struct source *source, const char *name, struct source_file *file,
                struct err *err);
void source_file_close(struct source_file *file);
/* Up to len bytes at `at`; 0: behind the end. */
ssize_t source_file_read(const struct source_file *file, int64_t at, void *bytes, size_t len,
                         struct err *err);

/* Reads a small file into an empty buf. 0: there is none. ARCHIVE_INVALID: longer than limit. */
int source_read(const struct source *source, const char *name, size_t limit, struct buf *out,
                struct err *err);

/* Visits the files below a directory ("" is all), links not. In a directory of the file system at
 * most 12 levels deep. */
typedef int source_visit_fn(void *context, const char *name, struct err *err);
int source_each(const struct source *source, const char *below, source_visit_fn *visit,
                void *context, struct err *err);

#endif
