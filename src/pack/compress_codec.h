/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs below compress.c; nobody else includes this.
 */
#ifndef BERTH_PACK_COMPRESS_CODEC_H
#define BERTH_PACK_COMPRESS_CODEC_H

#include "pack/compress.h"

#include <stdint.h>

/* Blocks of a gzip member, each by itself: raw deflate that ends on a byte. A block's state belongs
 * to one thread. */
#define GZIP_BLOCK ((size_t)1 << 20)
/* What a block can grow to: incompressible bytes are stored, in pieces with five bytes each. */
#define GZIP_BLOCK_OUT (GZIP_BLOCK + GZIP_BLOCK / 64 + 1024)
struct gzip_coder;
struct gzip_coder *compress_gzip_coder_open(void);
size_t
compress_gzip_coder_block(struct gzip_coder *coder, const void *in, size_t len,
                          void *out); /* GZIP_BLOCK_OUT bytes; aborts if that is not enough */
void compress_gzip_coder_close(struct gzip_coder *coder);

#define GZIP_HEADER_SIZE 10
extern const unsigned char gzip_header[GZIP_HEADER_SIZE];
uint32_t compress_gzip_crc(uint32_t crc, const void *bytes, size_t len); /* 0 at the start */
#define GZIP_TRAILER_SIZE 10
void compress_gzip_trailer(unsigned char out[GZIP_TRAILER_SIZE], uint32_t crc, uint64_t len);

struct gzip_decoder;
struct gzip_decoder *compress_gzip_decoder_open(void);
int compress_gzip_decoder_write(struct gzip_decoder *decoder, const void *bytes, size_t len,
                                struct decompress_sink sink, struct err *err);
bool compress_gzip_decoder_ended(const struct gzip_decoder *decoder); /* with a whole member */
void compress_gzip_decoder_close(struct gzip_decoder *decoder);

struct zstd_coder;
struct zstd_coder *compress_zstd_coder_open(int jobs);
ssize_t compress_zstd_coder_read(struct zstd_coder *coder, struct compress_source source,
                                 void *bytes, size_t len, struct err *err);
void compress_zstd_coder_close(struct zstd_coder *coder);

struct zstd_decoder;
struct zstd_decoder *compress_zstd_decoder_open(void);
int compress_zstd_decoder_write(struct zstd_decoder *decoder, const void *bytes, size_t len,
                                struct decompress_sink sink, struct err *err);
bool compress_zstd_decoder_ended(const struct zstd_decoder *decoder); /* with a whole frame */
void compress_zstd_decoder_close(struct zstd_decoder *decoder);

#endif
