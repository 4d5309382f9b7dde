/* SPDX-License-Identifier: Apache-2.0
 * L0: zstd over libzstd (the only user of zstd.h). */
#include "pack/compress_codec.h"

#include "base/mem.h"

#include <stdlib.h>
#include <zstd.h>

#define LEVEL 3
#define CHUNK ((size_t)128 << 10)

/* Of frames that come from elsewhere: 8 MiB is what every decoder must take (RFC 8878, 3.1.1.1.2),
 * the largest windows of the usual levels. */
#define WINDOW_LOG_MAX 23

struct zstd_coder {
    ZSTD_CCtx *context;
    ZSTD_inBuffer in;
    bool eof, ended;
    char bytes[CHUNK];
};

struct zstd_coder *compress_zstd_coder_open(int jobs)
{
    struct zstd_coder *coder = mem_alloc(sizeof *coder);

    coder->context = ZSTD_createCCtx();
    if (!coder->context)
        abort();
    coder->in.src = coder->bytes;
    ZSTD_CCtx_setParameter(coder->context, ZSTD_c_compressionLevel, LEVEL);
    /* A libzstd without threads refuses, and works in this one. */
    ZSTD_CCtx_setParameter(coder->context, ZSTD_c_nbWorkers, jobs);
    return coder;
}

ssize_t compress_zstd_coder_read(struct zstd_coder *coder, struct compress_source source,
                                 void *bytes, size_t len, struct err *err)
{
    ZSTD_outBuffer out = {bytes, len, 0};

    while (out.pos == 0 && !coder->ended) {
        if (coder->in.pos == coder->in.size && !coder->eof) {
            ssize_t n = source.read(source.from, coder->bytes, sizeof coder->bytes, err);
            if (n < 0)
                return -1;
            coder->in.size = (size_t)n;
            coder->in.pos = 0;
            coder->eof = n == 0;
        }
        size_t left = ZSTD_compressStream2(coder->context, &out, &coder->in,
                                           coder->eof ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(err, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        coder->ended = coder->eof && left == 0;
    }
    return (ssize_t)out.pos;
}

void compress_zstd_coder_close(struct zstd_coder *coder)
{
    ZSTD_freeCCtx(coder->context);
    free(coder);
}

struct zstd_decoder {
    ZSTD_DCtx *context;
    size_t left; /* 0: at the end of a frame */
    char bytes[CHUNK];
};

struct zstd_decoder *compress_zstd_decoder_open(void)
{
    struct zstd_decoder *decoder = mem_alloc(sizeof *decoder);

    decoder->context = ZSTD_createDCtx();
    if (!decoder->context)
        abort();
    ZSTD_DCtx_setParameter(decoder->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    decoder->left = 1;
    return decoder;
}

int compress_zstd_decoder_write(struct zstd_decoder *decoder, const void *bytes, size_t len,
                                struct decompress_sink sink, struct err *err)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    ZSTD_outBuffer out = {decoder->bytes, sizeof decoder->bytes, 0};

    do {
        out.pos = 0;
        size_t before = in.pos;
        size_t left = ZSTD_decompressStream(decoder->context, &out, &in);
        if (ZSTD_isError(left))
            return err_set(err, ERR_ARCHIVE_INVALID, "zstd: %s", ZSTD_getErrorName(left));
        if (out.pos > 0 || in.pos > before) /* at the end a call would begin the next frame */
            decoder->left = left;
        if (out.pos > 0 && sink.write(sink.to, decoder->bytes, out.pos, err) < 0)
            return -1;
    } while (in.pos < in.size || out.pos == out.size);
    return 0;
}

bool compress_zstd_decoder_ended(const struct zstd_decoder *decoder)
{
    return decoder->left == 0;
}

void compress_zstd_decoder_close(struct zstd_decoder *decoder)
{
    ZSTD_freeDCtx(decoder->context);
    free(decoder);
}
