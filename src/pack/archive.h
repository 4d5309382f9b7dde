/* SPDX-License-Identifier: Apache-2.0
 *
 * Archives, over libarchive, which nobody else includes.
 *
 * Reading trusts nothing: an archive may come from anywhere. A tar file is listed, and its members
 * are then read from the file itself, at the place that the list gave.
 *
 * Writing: plain files alone, all of the same mode, owner and time, so that the same content gives
 * the same bytes. Ustar, with pax headers only for what ustar cannot say. Memory does not grow with
 * what is written.
 */
#ifndef BERTH_PACK_ARCHIVE_H
#define BERTH_PACK_ARCHIVE_H

#include "base/err.h"
#include "base/progress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum archive_kind { ARCHIVE_MEMBER_FILE, ARCHIVE_MEMBER_SYMLINK, ARCHIVE_MEMBER_HARDLINK };

/* What is none of these, such as a directory, is not listed. */
struct archive_member {
    enum archive_kind kind;
    const char *name;   /* as it stands there: it may say anything */
    const char *target; /* of a link */
    int64_t offset;     /* of the content, in the file */
    int64_t size;
};

/* Visits the members of the plain tar file in fd, in their order, until visit returns other than 0,
 * which is then returned. A file of which the archive does not hold every byte in one piece (cut
 * off, sparse) is an error: ARCHIVE_INVALID. */
typedef int archive_reader_visit_fn(void *context, const struct archive_member *member,
                                    struct err *err);
int archive_reader_list(int fd, archive_reader_visit_fn *visit, void *context, struct err *err);

/* Whether a file is compressed in a way that archive_reader_unpack undoes: gzip, bzip2, xz, lzma,
 * zstd, lz4, compress. Reads from the beginning of the file, whose position stays. */
int archive_reader_is_compressed(int fd, struct err *err);

/* Hands all that comes out of fd (a file, a pipe) to sink, decompressed if it was compressed.
 * total: the bytes that will come, -1 if that is not known; progress counts them. ARCHIVE_INVALID,
 * also for what is compressed more than once, or unpacks to more than 64 MiB and 1100 times what
 * was read of it. */
typedef int archive_reader_sink_fn(void *context, const void *bytes, size_t len, struct err *err);
int archive_reader_unpack(int fd, int64_t total, const struct progress *progress,
                          archive_reader_sink_fn *sink, void *context, struct err *err);

enum archive_packing { ARCHIVE_PLAIN, ARCHIVE_GZIP, ARCHIVE_ZSTD };

/* By the end of a file's name: .tar.gz, .tgz, .tar.zst, .tzst; else plain. */
enum archive_packing archive_packing_of(const char *name);

struct archive_writer {
    int fd;          /* the caller's, stays open */
    int64_t written; /* bytes that went to fd */
    int64_t missing; /* bytes of the present file that are still to come */
    struct archive *tar;
    bool ended;         /* what libarchive still has to say is not written */
    struct err failure; /* of the last write(2) */
};

/* archive_writer_free afterwards, also if it failed. A write that fails is ERR_IO or ERR_NO_SPACE,
 * here and in what follows. */
int archive_writer_open(struct archive_writer *writer, int fd, enum archive_packing packing,
                        struct err *err);
/* Begins a file. Exactly size bytes are to follow by archive_writer_add. */
int archive_writer_file(struct archive_writer *writer, const char *name, int64_t size,
                        struct err *err);
int archive_writer_add(struct archive_writer *writer, const void *bytes, size_t len,
                       struct err *err);
/* Writes the end, without which an archive is known to be cut off. */
int archive_writer_finish(struct archive_writer *writer, struct err *err);
/* Without archive_writer_finish before it, the archive stays without an end. */
void archive_writer_free(struct archive_writer *writer);

#endif
