/* SPDX-License-Identifier: Apache-2.0
 * L0: decompressing layers: the choice of the codec. */
#include "pack/compress.h"

#include "base/mem.h"
#include "pack/compress_codec.h"

#include <stdlib.h>

struct decompressor {
    enum compress_kind kind;
    struct decompress_sink sink;
    struct gzip_decoder *gzip;
    struct zstd_decoder *zstd;
};

struct decompressor *decompress_open(enum compress_kind kind, struct decompress_sink sink)
{
    struct decompressor *decompressor = mem_alloc(sizeof *decompressor);

    *decompressor = (struct decompressor){.kind = kind, .sink = sink};
    if (kind == COMPRESS_GZIP)
        decompressor->gzip = compress_gzip_decoder_open();
    if (kind == COMPRESS_ZSTD)
        decompressor->zstd = compress_zstd_decoder_open();
    return decompressor;
}

int decompress_write(struct decompressor *decompressor, const void *bytes, size_t len,
                     struct err *err)
{
    switch (decompressor->kind) {
    case COMPRESS_GZIP:
        return compress_gzip_decoder_write(decompressor->gzip, bytes, len, decompressor->sink, err);
    case COMPRESS_ZSTD:
        return compress_zstd_decoder_write(decompressor->zstd, bytes, len, decompressor->sink, err);
    default:
        return decompressor->sink.write(decompressor->sink.to, bytes, len, err);
    }
}

int decompress_finish(struct decompressor *decompressor, struct err *err)
{
    bool ended = decompressor->kind == COMPRESS_NONE ||
                 (decompressor->gzip && compress_gzip_decoder_ended(decompressor->gzip)) ||
                 (decompressor->zstd && compress_zstd_decoder_ended(decompressor->zstd));

    return ended ? 0
                 : err_set(err, ERR_ARCHIVE_INVALID, "%s: it is cut off",
                           compress_kind_name(decompressor->kind));
}

void decompress_close(struct decompressor *decompressor)
{
    if (!decompressor)
        return;
    if (decompressor->gzip)
        compress_gzip_decoder_close(decompressor->gzip);
    if (decompressor->zstd)
        compress_zstd_decoder_close(decompressor->zstd);
    free(decompressor);
}
