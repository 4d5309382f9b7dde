/* SPDX-License-Identifier: Apache-2.0
 *
 * What an import reads from: files with names, whatever they lie in. OCI layouts, `docker save` and
 * skopeo's directories are formats of such files, which import_*.c reads from any source.
 *
 * A kind of source is a struct source_kind, and a struct that begins with struct source. There are
 * two: a tar file or stream (source_tar.h) and a directory (source_directory.h). Another one, such
 * as a registry elsewhere, is as good if it does what stands here:
 *
 *   - It has an OCI layout: "index.json", made of the repositories and tags that were asked for,
 *     with the annotations of export_index.h, which also names each referrer that is to come along;
 *     and "blobs/<algorithm>/<hex>" for whatever digest its manifests name. Nothing else is asked
 *     for by its name, but "manifest.json" and "repositories", which need not be there.
 *   - `find` says how long a file is before a byte of it is read: that is compared with what its
 *     descriptor says. A file that has no length in advance cannot be a blob.
 *   - `read` is asked for the bytes of a file in order, from the first to the last, or not at all,
 *     so that a body may be a stream. Only of `docker save`, which it does not have, are the first
 *     bytes of a file read twice.
 *   - `each` may leave out blobs, where it cannot list them: what is named by nothing but their
 *     content (a referrer that index.json does not name) is not found then.
 *   - It trusts nobody, and nobody trusts it: all that has a digest is hashed by who reads it.
 *   - An error names what failed, as ERR_IO if trying again may help.
 *
 * Names are paths, as saved_path makes them. Nothing outside is ever read.
 */
#ifndef BERTH_TRANSFER_SOURCE_H
#define BERTH_TRANSFER_SOURCE_H

#include "base/buf.h"
#include "base/err.h"
#include "transfer/transfer.h"

#include <stdint.h>
#include <sys/types.h>

struct source;

/* A file in it. */
struct source_file {
    struct source *source;
    int64_t size;
    /* Its kind's own. */
    int fd;
    int64_t offset;
    void *own;
};

/* visit returns other than 0 for enough, which is then returned. */
typedef int source_visit_fn(void *context, const char *name, struct err *err);

struct source_kind {
    /* Finds out what there is. Called once, before all others. NULL: there is nothing to do. */
    int (*load)(struct source *source, const struct transfer_options *options, struct err *err);
    /* 1, or 0: there is none of this name. */
    int (*find)(struct source *source, const char *name, struct source_file *file, struct err *err);
    /* Exactly len bytes at `at`, which the file has. */
    int (*read)(const struct source_file *file, int64_t at, void *bytes, size_t len,
                struct err *err);
    /* NULL: a file needs no closing. */
    void (*close_file)(struct source_file *file);
    /* Visits the files below a directory ("" is all), links not, in no order. */
    int (*each)(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err);
    /* Frees all, the struct too. */
    void (*close)(struct source *source);
};

struct source {
    const struct source_kind *kind;
    char *label; /* what it is called in messages */
    char *name;  /* its own, of which skopeo makes an image's; NULL: none */
};

/* For a kind: the struct, zeroed but for its first member. */
void *source_new(size_t size, const struct source_kind *kind, const char *label);
void source_close(struct source *source); /* NULL is fine */

int source_load(struct source *source, const struct transfer_options *options, struct err *err);
int source_find(struct source *source, const char *name, struct source_file *file, struct err *err);
void source_file_close(struct source_file *file);
/* Up to len bytes at `at`; 0: behind the end. */
ssize_t source_file_read(const struct source_file *file, int64_t at, void *bytes, size_t len,
                         struct err *err);
/* Reads a small file into an empty buf. 0: there is none. ARCHIVE_INVALID: longer than limit. */
int source_read(struct source *source, const char *name, size_t limit, struct buf *out,
                struct err *err);
int source_each(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err);

#endif
