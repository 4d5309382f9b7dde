/* SPDX-License-Identifier: Apache-2.0
 * L0: compressing layers: gzip by blocks, and the choice of the codec. */
#include "pack/compress.h"

#include "base/mem.h"
#include "pack/compress_codec.h"
#include "pack/ordered.h"

#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 64

/* A block of a gzip member. Its buffers are made when it is first used, and used again. */
struct block {
    unsigned char *in, *out;
    size_t in_len, out_len, out_at;
};

struct compressor {
    enum compress_kind kind;
    struct compress_source source;
    struct zstd_coder *zstd;
    struct ordered *ring;
    uint32_t crc;
    uint64_t len;
    bool eof;
    /* What goes before and behind the blocks. */
    unsigned char
        frame[GZIP_HEADER_SIZE > GZIP_TRAILER_SIZE ? GZIP_HEADER_SIZE : GZIP_TRAILER_SIZE];
    size_t frame_at, frame_len;
    bool trailed;
};

static const char *const kinds[] = {
    [COMPRESS_NONE] = "none", [COMPRESS_GZIP] = "gzip", [COMPRESS_ZSTD] = "zstd"};

const char *compress_kind_name(enum compress_kind kind)
{
    return kinds[kind];
}

int compress_kind_parse(enum compress_kind *kind, const char *s, struct err *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!strcmp(s, kinds[i])) {
            *kind = (enum compress_kind)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "\"%s\": the compression must be gzip, zstd or none", s);
}

enum compress_kind compress_kind_of(const void *bytes, size_t len)
{
    if (len >= 3 && !memcmp(bytes, "\x1f\x8b\x08", 3))
        return COMPRESS_GZIP;
    if (len >= 4 && !memcmp(bytes, "\x28\xb5\x2f\xfd", 4))
        return COMPRESS_ZSTD;
    return COMPRESS_NONE;
}

static void *open_coder(void *context)
{
    (void)context;
    return compress_gzip_coder_open();
}

static void close_coder(void *coder)
{
    compress_gzip_coder_close(coder);
}

static void compress_block(void *context, void *coder, void *item)
{
    struct block *block = item;

    (void)context;
    block->out_len = compress_gzip_coder_block(coder, block->in, block->in_len, block->out);
}

static void free_block(void *item)
{
    struct block *block = item;

    free(block->in);
    free(block->out);
}

static struct ordered *start_ring(int jobs)
{
    jobs = jobs > JOBS_MAX ? JOBS_MAX : jobs;
    return ordered_start(&(struct ordered_options){
        .item_size = sizeof(struct block),
        .items = 2 * (size_t)jobs + 2,
        .threads = jobs,
        .work = compress_block,
        .open = open_coder,
        .close = close_coder,
        .free_item = free_block,
    });
}

/* Reads a whole block, or up to the end. */
static int fill(struct compressor *compressor, struct block *block, struct err *err)
{
    if (!block->in) {
        block->in = mem_alloc(GZIP_BLOCK);
        block->out = mem_alloc(GZIP_BLOCK_OUT);
    }
    block->in_len = block->out_at = 0;
    while (block->in_len < GZIP_BLOCK && !compressor->eof) {
        ssize_t n = compressor->source.read(compressor->source.from, block->in + block->in_len,
                                            GZIP_BLOCK - block->in_len, err);
        if (n < 0)
            return -1;
        block->in_len += (size_t)n;
        compressor->eof = n == 0;
    }
    compressor->crc = compress_gzip_crc(compressor->crc, block->in, block->in_len);
    compressor->len += block->in_len;
    return 0;
}

static ssize_t take_frame(struct compressor *compressor, unsigned char *bytes, size_t len)
{
    size_t n = compressor->frame_len - compressor->frame_at;

    n = n < len ? n : len;
    memcpy(bytes, compressor->frame + compressor->frame_at, n);
    compressor->frame_at += n;
    return (ssize_t)n;
}

static ssize_t take_trailer(struct compressor *compressor, unsigned char *bytes, size_t len)
{
    if (compressor->trailed)
        return 0;
    compress_gzip_trailer(compressor->frame, compressor->crc, compressor->len);
    compressor->frame_at = 0;
    compressor->frame_len = GZIP_TRAILER_SIZE;
    compressor->trailed = true;
    return take_frame(compressor, bytes, len);
}

static ssize_t read_gzip(struct compressor *compressor, unsigned char *bytes, size_t len,
                         struct err *err)
{
    struct ordered *ring = compressor->ring;
    struct block *block;

    if (compressor->frame_at < compressor->frame_len)
        return take_frame(compressor, bytes, len);
    while (!compressor->eof && (block = ordered_room(ring))) {
        if (fill(compressor, block, err) < 0)
            return -1;
        if (block->in_len > 0)
            ordered_put(ring);
    }
    block = ordered_take(ring, -1);
    if (!block)
        return take_trailer(compressor, bytes, len);
    size_t n = block->out_len - block->out_at;
    n = n < len ? n : len;
    memcpy(bytes, block->out + block->out_at, n);
    block->out_at += n;
    if (block->out_at == block->out_len)
        ordered_next(ring);
    return (ssize_t)n;
}

struct compressor *compress_open(enum compress_kind kind, int jobs, struct compress_source source)
{
    struct compressor *compressor = mem_alloc(sizeof *compressor);

    compressor->kind = kind;
    compressor->source = source;
    if (kind == COMPRESS_ZSTD)
        compressor->zstd = compress_zstd_coder_open(jobs);
    if (kind == COMPRESS_GZIP) {
        compressor->ring = start_ring(jobs);
        memcpy(compressor->frame, gzip_header, GZIP_HEADER_SIZE);
        compressor->frame_len = GZIP_HEADER_SIZE;
    }
    return compressor;
}

ssize_t compress_read(struct compressor *compressor, void *bytes, size_t len, struct err *err)
{
    switch (compressor->kind) {
    case COMPRESS_GZIP:
        return read_gzip(compressor, bytes, len, err);
    case COMPRESS_ZSTD:
        return compress_zstd_coder_read(compressor->zstd, compressor->source, bytes, len, err);
    default:
        return compressor->source.read(compressor->source.from, bytes, len, err);
    }
}

void compress_close(struct compressor *compressor)
{
    if (!compressor)
        return;
    if (compressor->kind == COMPRESS_ZSTD)
        compress_zstd_coder_close(compressor->zstd);
    ordered_stop(compressor->ring);
    free(compressor);
}
