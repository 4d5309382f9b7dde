/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressing and decompressing layers (RFC 1952, RFC 8878), in a fixed amount of memory.
 *
 * gzip is made by several threads, a block each, into one member that any program reads; the bytes
 * are the same however many threads there are. It is ISA-L's where berth was built with that, else
 * zlib's, which takes five times as long. zstd is libzstd's, with its own threads. Whoever calls
 * stays in one thread.
 */
#ifndef BERTH_PACK_COMPRESS_H
#define BERTH_PACK_COMPRESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum compress_kind { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD };

/* "none", "gzip", "zstd". USAGE for anything else. */
const char *compress_kind_name(enum compress_kind kind);
int compress_kind_parse(enum compress_kind *kind, const char *s, struct err *err);
/* How bytes that begin like these are compressed; 4 are enough. */
enum compress_kind compress_kind_of(const void *bytes, size_t len);

/* For tests: gzip by zlib also where ISA-L is there. */
void compress_gzip_force_zlib(bool force);

/* Where the bytes come from: their number, 0 at the end, -1 with *err set. */
struct compress_source {
    ssize_t (*read)(void *from, void *bytes, size_t len, struct err *err);
    void *from;
};

struct compressor;
struct compressor *compress_open(enum compress_kind kind, int jobs, struct compress_source source);
/* The next bytes of the result, 0 at the end, -1. */
ssize_t compress_read(struct compressor *compressor, void *bytes, size_t len, struct err *err);
void compress_close(struct compressor *compressor); /* NULL is fine; before the end, too */

/* What comes out of a decompressor. 0, or -1 with *err set. */
struct decompress_sink {
    int (*write)(void *to, const void *bytes, size_t len, struct err *err);
    void *to;
};

struct decompressor;
struct decompressor *decompress_open(enum compress_kind kind, struct decompress_sink sink);
/* ARCHIVE_INVALID: not compressed so, damaged, or with something else behind it. */
int decompress_write(struct decompressor *decompressor, const void *bytes, size_t len,
                     struct err *err);
int decompress_finish(struct decompressor *decompressor, struct err *err); /* was that all? */
void decompress_close(struct decompressor *decompressor);

#endif
