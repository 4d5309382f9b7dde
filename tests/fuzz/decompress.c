/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the decompression of layers. The first byte chooses the size of the pieces in which the
 * rest comes in, which makes no difference to what comes out. */
#include "fuzz/fuzz.h"

#include "pack/compress.h"

/* Beyond it the sink fails: what grows is somebody else's test. */
#define UNPACKED_MAX ((size_t)1 << 20)

struct unpacked {
    size_t len;
    uint64_t sum; /* of the bytes and their order */
    int status;
    enum err_code code;
};

static int take(void *to, const void *bytes, size_t len, struct err *err)
{
    struct unpacked *unpacked = to;

    must_hold(len > 0);
    for (size_t i = 0; i < len; i++)
        unpacked->sum = unpacked->sum * 31 + ((const uint8_t *)bytes)[i];
    unpacked->len += len;
    return unpacked->len > UNPACKED_MAX ? err_set(err, ERR_NO_SPACE, "no more") : 0;
}

static struct unpacked unpack(enum compress_kind kind, const uint8_t *bytes, size_t len,
                              size_t piece)
{
    struct unpacked unpacked = {0};
    struct err err = {0};
    struct decompressor *decompressor =
        decompress_open(kind, (struct decompress_sink){take, &unpacked});

    for (size_t at = 0; at < len && unpacked.status == 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        unpacked.status = decompress_write(decompressor, bytes + at, n, &err);
    }
    if (unpacked.status == 0)
        unpacked.status = decompress_finish(decompressor, &err);
    decompress_close(decompressor);
    unpacked.code = err.code;
    must_hold(unpacked.status == 0 || unpacked.code == ERR_ARCHIVE_INVALID ||
              (unpacked.code == ERR_NO_SPACE && unpacked.len > UNPACKED_MAX));
    return unpacked;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    size_t piece = (size_t)bytes[0] + 1;
    bytes++, len--;
    for (enum compress_kind kind = COMPRESS_NONE; kind <= COMPRESS_ZSTD; kind++) {
        struct unpacked whole = unpack(kind, bytes, len, len ? len : 1);
        struct unpacked pieces = unpack(kind, bytes, len, piece);
        must_hold(whole.status == pieces.status);
        if (whole.status < 0)
            continue; /* how much came before that may differ */
        must_hold(whole.len == pieces.len && whole.sum == pieces.sum);
        must_hold(kind != COMPRESS_NONE || whole.len == len);
        must_hold(kind != COMPRESS_GZIP || compress_kind_of(bytes, len) == COMPRESS_GZIP);
        must_hold(kind != COMPRESS_ZSTD || compress_kind_of(bytes, len) != COMPRESS_GZIP);
    }
    return 0;
}
