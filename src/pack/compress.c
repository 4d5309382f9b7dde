/* SPDX-License-Identifier: Apache-2.0
 * L0: compressing layers: the threads that make gzip, and the choice of the codec. */
#include "pack/compress.h"

#include "base/mem.h"
#include "pack/compress_codec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 64

struct block {
    unsigned char *in, *out;
    size_t in_len, out_len, out_at;
    bool done;
};

/* Blocks on their way, in a ring: [head, next) are in work or done, [next, tail) wait for a thread.
 * The caller's thread fills at the tail and takes from the head. */
struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t to_do, done;
    struct block *blocks;
    size_t size, head, next, tail;
    bool stop;
    pthread_t threads[JOBS_MAX];
    int n_threads;
    struct gzip_coder *own; /* for the caller, where no thread could be started */
};

struct compressor {
    enum compress_kind kind;
    struct compress_source source;
    struct zstd_coder *zstd;
    struct pool pool;
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

static void compress_block(struct gzip_coder *coder, struct block *block)
{
    block->out_len = gzip_coder_block(coder, block->in, block->in_len, block->out);
}

static void *work(void *context)
{
    struct pool *pool = context;
    struct gzip_coder *coder = gzip_coder_open();

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->next == pool->tail && !pool->stop)
            pthread_cond_wait(&pool->to_do, &pool->mutex);
        if (pool->stop)
            break;
        struct block *block = &pool->blocks[pool->next++ % pool->size];
        pthread_mutex_unlock(&pool->mutex);
        compress_block(coder, block);
        pthread_mutex_lock(&pool->mutex);
        block->done = true;
        pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    gzip_coder_close(coder);
    return NULL;
}

static void pool_start(struct pool *pool, int jobs)
{
    jobs = jobs > JOBS_MAX ? JOBS_MAX : jobs;
    pool->size = 2 * (size_t)jobs + 2;
    pool->blocks = mem_alloc(pool->size * sizeof *pool->blocks);
    for (size_t i = 0; i < pool->size; i++) {
        pool->blocks[i].in = mem_alloc(GZIP_BLOCK);
        pool->blocks[i].out = mem_alloc(GZIP_BLOCK_OUT);
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->to_do, NULL);
    pthread_cond_init(&pool->done, NULL);
    while (pool->n_threads < jobs &&
           pthread_create(&pool->threads[pool->n_threads], NULL, work, pool) == 0)
        pool->n_threads++;
    if (pool->n_threads == 0)
        pool->own = gzip_coder_open();
}

static void pool_stop(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->to_do);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    if (pool->own)
        gzip_coder_close(pool->own);
    for (size_t i = 0; i < pool->size; i++) {
        free(pool->blocks[i].in);
        free(pool->blocks[i].out);
    }
    free(pool->blocks);
    pthread_cond_destroy(&pool->to_do);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
}

/* Hands the block at the tail over to the threads. */
static void pool_push(struct pool *pool, struct block *block)
{
    block->done = false;
    block->out_at = 0;
    if (pool->own) {
        compress_block(pool->own, block);
        block->done = true;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->tail++;
    pthread_cond_signal(&pool->to_do);
    pthread_mutex_unlock(&pool->mutex);
}

/* The block at the head, once it is done. */
static struct block *pool_head(struct pool *pool)
{
    struct block *block = &pool->blocks[pool->head % pool->size];

    pthread_mutex_lock(&pool->mutex);
    while (!block->done)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    return block;
}

/* Reads a whole block, or up to the end. */
static int fill(struct compressor *compressor, struct block *block, struct err *err)
{
    block->in_len = 0;
    while (block->in_len < GZIP_BLOCK && !compressor->eof) {
        ssize_t n = compressor->source.read(compressor->source.from, block->in + block->in_len,
                                            GZIP_BLOCK - block->in_len, err);
        if (n < 0)
            return -1;
        block->in_len += (size_t)n;
        compressor->eof = n == 0;
    }
    compressor->crc = gzip_crc(compressor->crc, block->in, block->in_len);
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

static ssize_t read_gzip(struct compressor *compressor, unsigned char *bytes, size_t len,
                         struct err *err)
{
    struct pool *pool = &compressor->pool;

    if (compressor->frame_at < compressor->frame_len)
        return take_frame(compressor, bytes, len);
    while (!compressor->eof && pool->tail - pool->head < pool->size) {
        struct block *block = &pool->blocks[pool->tail % pool->size];
        if (fill(compressor, block, err) < 0)
            return -1;
        if (block->in_len > 0)
            pool_push(pool, block);
    }
    if (pool->head == pool->tail) {
        if (compressor->trailed)
            return 0;
        gzip_trailer(compressor->frame, compressor->crc, compressor->len);
        compressor->frame_at = 0;
        compressor->frame_len = GZIP_TRAILER_SIZE;
        compressor->trailed = true;
        return take_frame(compressor, bytes, len);
    }
    struct block *block = pool_head(pool);
    size_t n = block->out_len - block->out_at;
    n = n < len ? n : len;
    memcpy(bytes, block->out + block->out_at, n);
    block->out_at += n;
    if (block->out_at == block->out_len)
        pool->head++;
    return (ssize_t)n;
}

struct compressor *compressor_open(enum compress_kind kind, int jobs, struct compress_source source)
{
    struct compressor *compressor = mem_alloc(sizeof *compressor);

    compressor->kind = kind;
    compressor->source = source;
    if (kind == COMPRESS_ZSTD)
        compressor->zstd = zstd_coder_open(jobs);
    if (kind == COMPRESS_GZIP) {
        pool_start(&compressor->pool, jobs);
        memcpy(compressor->frame, gzip_header, GZIP_HEADER_SIZE);
        compressor->frame_len = GZIP_HEADER_SIZE;
    }
    return compressor;
}

ssize_t compressor_read(struct compressor *compressor, void *bytes, size_t len, struct err *err)
{
    switch (compressor->kind) {
    case COMPRESS_GZIP:
        return read_gzip(compressor, bytes, len, err);
    case COMPRESS_ZSTD:
        return zstd_coder_read(compressor->zstd, compressor->source, bytes, len, err);
    default:
        return compressor->source.read(compressor->source.from, bytes, len, err);
    }
}

void compressor_close(struct compressor *compressor)
{
    if (!compressor)
        return;
    if (compressor->kind == COMPRESS_ZSTD)
        zstd_coder_close(compressor->zstd);
    if (compressor->kind == COMPRESS_GZIP)
        pool_stop(&compressor->pool);
    free(compressor);
}

struct decompressor {
    enum compress_kind kind;
    struct decompress_sink sink;
    struct gzip_decoder *gzip;
    struct zstd_decoder *zstd;
};

struct decompressor *decompressor_open(enum compress_kind kind, struct decompress_sink sink)
{
    struct decompressor *decompressor = mem_alloc(sizeof *decompressor);

    *decompressor = (struct decompressor){.kind = kind, .sink = sink};
    if (kind == COMPRESS_GZIP)
        decompressor->gzip = gzip_decoder_open();
    if (kind == COMPRESS_ZSTD)
        decompressor->zstd = zstd_decoder_open();
    return decompressor;
}

int decompressor_write(struct decompressor *decompressor, const void *bytes, size_t len,
                       struct err *err)
{
    switch (decompressor->kind) {
    case COMPRESS_GZIP:
        return gzip_decoder_write(decompressor->gzip, bytes, len, decompressor->sink, err);
    case COMPRESS_ZSTD:
        return zstd_decoder_write(decompressor->zstd, bytes, len, decompressor->sink, err);
    default:
        return decompressor->sink.write(decompressor->sink.to, bytes, len, err);
    }
}

int decompressor_finish(struct decompressor *decompressor, struct err *err)
{
    bool ended = decompressor->kind == COMPRESS_NONE ||
                 (decompressor->gzip && gzip_decoder_ended(decompressor->gzip)) ||
                 (decompressor->zstd && zstd_decoder_ended(decompressor->zstd));

    return ended
               ? 0
               : err_set(err, ERR_ARCHIVE_INVALID, "%s: it is cut off", kinds[decompressor->kind]);
}

void decompressor_close(struct decompressor *decompressor)
{
    if (!decompressor)
        return;
    if (decompressor->gzip)
        gzip_decoder_close(decompressor->gzip);
    if (decompressor->zstd)
        zstd_decoder_close(decompressor->zstd);
    free(decompressor);
}
