/* SPDX-License-Identifier: Apache-2.0
 * L0: gzip over ISA-L and zlib (the only user of isa-l.h and zlib.h). */
#include "config.h"

#include "pack/compress_codec.h"

#include "base/mem.h"

#ifdef HAVE_ISAL
#include <isa-l.h>
#endif
#include <zlib.h>

#include <stdlib.h>
#include <string.h>

/* Of a gigabyte of programs and documents, level 1, 2 and 3 of ISA-L leave 38.4, 37.9 and 37.4 in a
 * hundred bytes at 335, 312 and 188 MB/s; zlib leaves 37.0 at level 1, with 59 MB/s. */
#define ISAL_LEVEL 2
#define ISAL_LEVEL_BUF ISAL_DEF_LVL2_DEFAULT
#define ZLIB_LEVEL 1

#define CHUNK ((size_t)128 << 10)

static bool zlib_forced;

struct gzip_coder {
    z_stream zlib;
#ifdef HAVE_ISAL
    struct isal_zstream isal;
    unsigned char level_buf[ISAL_LEVEL_BUF];
#endif
};

void compress_gzip_force_zlib(bool force)
{
    zlib_forced = force;
}

struct gzip_coder *compress_gzip_coder_open(void)
{
    struct gzip_coder *coder = mem_alloc(sizeof *coder);

    if (deflateInit2(&coder->zlib, ZLIB_LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        abort();
    return coder;
}

void compress_gzip_coder_close(struct gzip_coder *coder)
{
    deflateEnd(&coder->zlib);
    free(coder);
}

static size_t zlib_block(struct gzip_coder *coder, const void *in, size_t len, void *out)
{
    z_stream *zlib = &coder->zlib;

    deflateReset(zlib);
    zlib->next_in = (z_const Bytef *)(uintptr_t)in; /* zlib takes no const unless it is asked */
    zlib->avail_in = (uInt)len;
    zlib->next_out = out;
    zlib->avail_out = (uInt)GZIP_BLOCK_OUT;
    if (deflate(zlib, Z_FULL_FLUSH) != Z_OK || zlib->avail_in > 0 || zlib->avail_out == 0)
        abort();
    return GZIP_BLOCK_OUT - zlib->avail_out;
}

#ifdef HAVE_ISAL
static size_t isal_block(struct gzip_coder *coder, const void *in, size_t len, void *out)
{
    struct isal_zstream *isal = &coder->isal;

    isal_deflate_stateless_init(isal);
    isal->level = ISAL_LEVEL;
    isal->level_buf = coder->level_buf;
    isal->level_buf_size = sizeof coder->level_buf;
    isal->flush = FULL_FLUSH;
    isal->gzip_flag = IGZIP_DEFLATE;
    isal->next_in = (uint8_t *)(uintptr_t)in; /* it takes no const */
    isal->avail_in = (uint32_t)len;
    isal->next_out = out;
    isal->avail_out = (uint32_t)GZIP_BLOCK_OUT;
    if (isal_deflate_stateless(isal) != COMP_OK || isal->avail_in > 0)
        abort();
    return isal->total_out;
}

size_t compress_gzip_coder_block(struct gzip_coder *coder, const void *in, size_t len, void *out)
{
    return zlib_forced ? zlib_block(coder, in, len, out) : isal_block(coder, in, len, out);
}

uint32_t compress_gzip_crc(uint32_t crc, const void *bytes, size_t len)
{
    return crc32_gzip_refl(crc, bytes, len);
}
#else
size_t compress_gzip_coder_block(struct gzip_coder *coder, const void *in, size_t len, void *out)
{
    return zlib_block(coder, in, len, out);
}

uint32_t compress_gzip_crc(uint32_t crc, const void *bytes, size_t len)
{
    return (uint32_t)crc32(crc, bytes, (uInt)len);
}
#endif

/* RFC 1952, section 2.3: deflate, no flags, no time, so that equal layers have equal digests; from
 * an unknown system. */
const unsigned char gzip_header[GZIP_HEADER_SIZE] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

void compress_gzip_trailer(unsigned char out[GZIP_TRAILER_SIZE], uint32_t crc, uint64_t len)
{
    out[0] = 3; /* the last block, which is empty, in fixed codes (RFC 1951, section 3.2.6) */
    out[1] = 0;
    for (int i = 0; i < 4; i++) {
        out[2 + i] = (unsigned char)(crc >> 8 * i);
        out[6 + i] = (unsigned char)(len >> 8 * i);
    }
}

struct gzip_decoder {
    z_stream zlib;
    bool ended;
    unsigned char bytes[CHUNK];
};

struct gzip_decoder *compress_gzip_decoder_open(void)
{
    struct gzip_decoder *decoder = mem_alloc(sizeof *decoder);

    if (inflateInit2(&decoder->zlib, MAX_WBITS + 16) != Z_OK)
        abort();
    return decoder;
}

int compress_gzip_decoder_write(struct gzip_decoder *decoder, const void *bytes, size_t len,
                                struct decompress_sink sink, struct err *err)
{
    z_stream *zlib = &decoder->zlib;

    zlib->next_in = (z_const Bytef *)(uintptr_t)bytes;
    zlib->avail_in = (uInt)len;
    do {
        if (decoder->ended && zlib->avail_in > 0) { /* the next member */
            inflateReset(zlib);
            decoder->ended = false;
        }
        zlib->next_out = decoder->bytes;
        zlib->avail_out = sizeof decoder->bytes;
        int status = inflate(zlib, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return err_set(err, ERR_ARCHIVE_INVALID, "gzip: %s", zlib->msg ? zlib->msg : "damaged");
        decoder->ended = status == Z_STREAM_END;
        size_t got = sizeof decoder->bytes - zlib->avail_out;
        if (got > 0 && sink.write(sink.to, decoder->bytes, got, err) < 0)
            return -1;
    } while (zlib->avail_in > 0 || (zlib->avail_out == 0 && !decoder->ended));
    return 0;
}

bool compress_gzip_decoder_ended(const struct gzip_decoder *decoder)
{
    return decoder->ended;
}

void compress_gzip_decoder_close(struct gzip_decoder *decoder)
{
    inflateEnd(&decoder->zlib);
    free(decoder);
}
