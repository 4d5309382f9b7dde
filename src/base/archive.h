/* SPDX-License-Identifier: Apache-2.0
 *
 * Tar archives, through libarchive, which nobody else includes.
 *
 * Writing: plain files alone, all of the same mode, owner and time, so that the same content gives
 * the same bytes. Ustar, with pax headers only for what ustar cannot say. Memory does not grow with
 * what is written.
 */
#ifndef BERTH_BASE_ARCHIVE_H
#define BERTH_BASE_ARCHIVE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
