/* SPDX-License-Identifier: Apache-2.0
 * base/compress.c, compress_gzip.c, compress_zstd.c. */
#include "unit/unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "pack/compress.h"

#include <stdlib.h>

#define LARGE ((size_t)5 << 20) /* several blocks */

struct text_source {
    const char *bytes;
    size_t len;
    bool breaks;
};

static ssize_t read_text(void *from, void *bytes, size_t len, struct err *err)
{
    struct text_source *source = from;
    size_t n = source->len < len ? source->len : len;

    n = n > 100003 ? 100003 : n; /* not at the bounds of blocks */
    if (n == 0 && source->breaks)
        return err_set(err, ERR_IO, "broke off");
    if (n > 0) /* of nothing there need be no bytes at all */
        memcpy(bytes, source->bytes, n);
    source->bytes += n;
    source->len -= n;
    return (ssize_t)n;
}

static int add(void *to, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    buf_add(to, bytes, len);
    return 0;
}

/* Text like a program's: partly random. */
static struct buf content_of(size_t len)
{
    struct buf content = BUF_INIT;
    unsigned long x = 1;

    while (content.len < len) {
        x = x * 6364136223846793005ul + 1442695040888963407ul;
        buf_addf(&content, "%lx line of text\n", x >> 40);
    }
    content.len = len;
    return content;
}

static int compress(enum compress_kind kind, int jobs, const struct buf *in, struct buf *out)
{
    struct text_source text = {in->s, in->len, false};
    struct compressor *compressor =
        compress_open(kind, jobs, (struct compress_source){read_text, &text});
    static char bytes[70000];
    ssize_t n;

    while ((n = compress_read(compressor, bytes, sizeof bytes, &failure)) > 0)
        buf_add(out, bytes, (size_t)n);
    compress_close(compressor);
    return (int)n;
}

/* In pieces of the given size. */
static int decompress(enum compress_kind kind, const struct buf *in, size_t piece, struct buf *out)
{
    struct decompressor *decompressor = decompress_open(kind, (struct decompress_sink){add, out});
    int result = 0;

    for (size_t at = 0; at < in->len && result == 0; at += piece) {
        size_t n = in->len - at < piece ? in->len - at : piece;
        result = decompress_write(decompressor, in->s + at, n, &failure);
    }
    if (result == 0)
        result = decompress_finish(decompressor, &failure);
    decompress_close(decompressor);
    return result;
}

static void check_there_and_back(enum compress_kind kind, size_t len)
{
    AUTO_BUF in = content_of(len), once = BUF_INIT, again = BUF_INIT, out = BUF_INIT;

    assert_returns(0, compress(kind, 1, &in, &once));
    assert_returns(0, compress(kind, 3, &in, &again));
    assert_int_equal(once.len, again.len); /* the threads make no difference */
    assert_memory_equal(once.s, again.s, once.len);
    assert_int_equal(kind, compress_kind_of(once.s, once.len));
    assert_true(len < 1000 || kind == COMPRESS_NONE || once.len < len / 2);
    assert_returns(0, decompress(kind, &once, 10007, &out));
    assert_int_equal(len, out.len);
    assert_true(len == 0 || !memcmp(in.s, out.s, len));
}

static void check_lengths(enum compress_kind kind)
{
    const size_t lengths[] = {0, 1, 1 << 20, (1 << 20) + 1, LARGE};

    for (size_t i = 0; i < LENGTH_OF(lengths); i++)
        check_there_and_back(kind, lengths[i]);
}

static void test_gzip(void **state)
{
    (void)state;
    check_lengths(COMPRESS_GZIP);
}

static void test_gzip_by_zlib(void **state)
{
    (void)state;
    compress_gzip_force_zlib(true);
    check_lengths(COMPRESS_GZIP);
    compress_gzip_force_zlib(false);
}

static void test_zstd(void **state)
{
    (void)state;
    check_lengths(COMPRESS_ZSTD);
}

static void test_incompressible(void **state)
{
    AUTO_BUF in = BUF_INIT;
    (void)state;

    srandom(1);
    while (in.len < ((size_t)2 << 20) + 5)
        buf_addc(&in, (char)random());
    for (int zlib = 0; zlib < 2; zlib++) {
        AUTO_BUF packed = BUF_INIT, out = BUF_INIT;
        compress_gzip_force_zlib(zlib);
        assert_returns(0, compress(COMPRESS_GZIP, 2, &in, &packed));
        assert_returns(0, decompress(COMPRESS_GZIP, &packed, packed.len, &out));
        assert_int_equal(in.len, out.len);
        assert_memory_equal(in.s, out.s, in.len);
    }
    compress_gzip_force_zlib(false);
}

static void test_none(void **state)
{
    AUTO_BUF in = content_of(1000), out = BUF_INIT;
    (void)state;

    assert_returns(0, compress(COMPRESS_NONE, 1, &in, &out));
    assert_int_equal(1000, out.len);
    assert_memory_equal(in.s, out.s, in.len);
}

static void test_source_breaks(void **state)
{
    (void)state;
    for (int kind = COMPRESS_NONE; kind <= COMPRESS_ZSTD; kind++) {
        AUTO_BUF in = content_of(LARGE);
        struct text_source text = {in.s, in.len, true};
        struct compressor *compressor =
            compress_open((enum compress_kind)kind, 2, (struct compress_source){read_text, &text});
        static char bytes[1 << 16];
        ssize_t n;
        while ((n = compress_read(compressor, bytes, sizeof bytes, &failure)) > 0)
            ;
        assert_int_equal(-1, n);
        assert_string_equal("broke off", failure.msg);
        compress_close(compressor);
    }
}

static void test_damage(void **state)
{
    (void)state;
    for (int kind = COMPRESS_GZIP; kind <= COMPRESS_ZSTD; kind++) {
        AUTO_BUF in = content_of(LARGE), packed = BUF_INIT, out = BUF_INIT;
        enum compress_kind this = (enum compress_kind)kind;
        assert_returns(0, compress(this, 2, &in, &packed));
        packed.len -= 5;
        assert_fails(ARCHIVE_INVALID, decompress(this, &packed, 4096, &out));
        packed.len += 5;
        packed.s[0] ^= 1;
        assert_fails(ARCHIVE_INVALID, decompress(this, &packed, 4096, &out));
        packed.s[0] ^= 1;
        buf_addstr(&packed, "rubbish behind it");
        assert_fails(ARCHIVE_INVALID, decompress(this, &packed, 4096, &out));
    }
    AUTO_BUF empty = BUF_INIT, out = BUF_INIT;
    assert_fails(ARCHIVE_INVALID, decompress(COMPRESS_GZIP, &empty, 1, &out));
    assert_fails(ARCHIVE_INVALID, decompress(COMPRESS_ZSTD, &empty, 1, &out));
}

static void test_several_members(void **state)
{
    (void)state;
    for (int kind = COMPRESS_GZIP; kind <= COMPRESS_ZSTD; kind++) {
        AUTO_BUF in = content_of(200000), packed = BUF_INIT, out = BUF_INIT;
        assert_returns(0, compress((enum compress_kind)kind, 2, &in, &packed));
        assert_returns(0, compress((enum compress_kind)kind, 2, &in, &packed));
        assert_returns(0, decompress((enum compress_kind)kind, &packed, 1000, &out));
        assert_int_equal(400000, out.len);
        assert_memory_equal(in.s, out.s + 200000, 200000);
    }
}

static void test_kinds(void **state)
{
    enum compress_kind kind;
    (void)state;

    assert_returns(0, compress_kind_parse(&kind, "zstd", &failure));
    assert_int_equal(COMPRESS_ZSTD, kind);
    assert_returns(0, compress_kind_parse(&kind, "none", &failure));
    assert_int_equal(COMPRESS_NONE, kind);
    assert_fails(USAGE, compress_kind_parse(&kind, "bzip2", &failure));
    assert_int_equal(COMPRESS_NONE, compress_kind_of("\x1f\x8b", 2));
    assert_int_equal(COMPRESS_NONE, compress_kind_of("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip),   cmocka_unit_test(test_gzip_by_zlib),
        cmocka_unit_test(test_zstd),   cmocka_unit_test(test_incompressible),
        cmocka_unit_test(test_none),   cmocka_unit_test(test_source_breaks),
        cmocka_unit_test(test_damage), cmocka_unit_test(test_several_members),
        cmocka_unit_test(test_kinds),
    };

    return RUN(tests);
}
