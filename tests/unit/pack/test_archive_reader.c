/* SPDX-License-Identifier: Apache-2.0
 * base/archive.c, its readers. The archives are made here, block by block. */
#include "unit/unit.h"

#include "base/buf.h"
#include "pack/archive.h"
#include "pack/compress.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Appends a header (POSIX, ustar). type: '0' a file, '1' a hard link, '2' a symbolic one. */
static void add_header(struct buf *tar, const char *name, char type, const char *target,
                       unsigned long size)
{
    char header[512] = "";
    unsigned sum = 0;

    snprintf(header, 100, "%s", name);
    snprintf(header + 100, 8, "0000644");
    snprintf(header + 124, 12, "%011lo", size & 07777777777);
    snprintf(header + 136, 12, "%011o", 0);
    memset(header + 148, ' ', 8);
    header[156] = type;
    snprintf(header + 157, 100, "%s", target);
    memcpy(header + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof header; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    buf_add(tar, header, sizeof header);
}

static void add_file(struct buf *tar, const char *name, const char *text)
{
    static const char zeros[512];

    add_header(tar, name, '0', "", strlen(text));
    buf_addstr(tar, text);
    buf_add(tar, zeros, 511 - (strlen(text) + 511) % 512);
}

static int file_of(const struct unit_dir *dir, const struct buf *bytes)
{
    unit_put_bytes(dir->path, "archive", bytes->s, bytes->len);
    int fd = open(unit_path(dir, "archive"), O_RDONLY);
    assert_true(fd >= 0);
    return fd;
}

struct listing {
    struct buf text;
    int stop;
};

static int list_member(void *context, const struct archive_member *member, struct err *err)
{
    struct listing *listing = context;

    (void)err;
    buf_addf(&listing->text, "%s %d %s %jd %jd\n", member->name, member->kind,
             member->target ? member->target : "-", (intmax_t)member->offset,
             (intmax_t)member->size);
    return listing->stop;
}

static void test_list(void **state)
{
    AUTO_BUF tar = BUF_INIT;
    struct listing listing = {BUF_INIT, 0};

    add_file(&tar, "one", "1");
    add_file(&tar, "../two", "22");
    add_header(&tar, "link", '2', "../one", 0);
    add_header(&tar, "hard", '1', "one", 0);
    add_header(&tar, "dir/", '5', "", 0);
    AUTO_FD fd = file_of(*state, &tar);
    assert_returns(0, archive_reader_is_compressed(fd, &failure));
    assert_returns(0, archive_reader_list(fd, list_member, &listing, &failure));
    assert_string_equal(
        "one 0 - 512 1\n../two 0 - 1536 2\nlink 1 ../one 2560 0\nhard 2 one 3072 0\n",
        listing.text.s);
    buf_clear(&listing.text);
    listing.stop = 7;
    assert_returns(7, archive_reader_list(fd, list_member, &listing, &failure));
    assert_string_equal("one 0 - 512 1\n", listing.text.s);
    buf_free(&listing.text);
}

static void test_cut_off(void **state)
{
    AUTO_BUF tar = BUF_INIT;
    struct listing listing = {BUF_INIT, 0};

    add_file(&tar, "one", "1");
    add_header(&tar, "large", '0', "", 1 << 20);
    AUTO_FD fd = file_of(*state, &tar);
    assert_fails(ARCHIVE_INVALID, archive_reader_list(fd, list_member, &listing, &failure));
    assert_non_null(strstr(failure.msg, "large is cut off"));
    buf_free(&listing.text);
}

static void test_no_archive(void **state)
{
    AUTO_BUF text = BUF_INIT;
    struct listing listing = {BUF_INIT, 0};

    AUTO_FD empty = file_of(*state, &text);
    assert_fails(ARCHIVE_INVALID, archive_reader_list(empty, list_member, &listing, &failure));
    buf_addstr(&text, "this is a text");
    AUTO_FD fd = file_of(*state, &text);
    assert_fails(ARCHIVE_INVALID, archive_reader_list(fd, list_member, &listing, &failure));
    assert_null(listing.text.s);
}

static int take(void *context, const void *bytes, size_t len, struct err *err)
{
    (void)err;
    buf_add(context, bytes, len);
    return 0;
}

static ssize_t read_buf(void *from, void *bytes, size_t len, struct err *err)
{
    struct buf *rest = from;
    size_t n = rest->len < len ? rest->len : len;

    (void)err;
    memcpy(bytes, rest->s, n);
    rest->s += n;
    rest->len -= n;
    return (ssize_t)n;
}

static void compress(enum compress_kind kind, struct buf in, struct buf *out)
{
    struct compressor *compressor = compress_open(kind, 1, (struct compress_source){read_buf, &in});
    char bytes[4096];
    ssize_t n;

    while ((n = compress_read(compressor, bytes, sizeof bytes, &failure)) > 0)
        buf_add(out, bytes, (size_t)n);
    compress_close(compressor);
}

static void test_unpack(void **state)
{
    AUTO_BUF tar = BUF_INIT;

    add_file(&tar, "one", "some text of a file");
    for (int kind = COMPRESS_NONE; kind <= COMPRESS_ZSTD; kind++) {
        AUTO_BUF packed = BUF_INIT, out = BUF_INIT;
        compress((enum compress_kind)kind, tar, &packed);
        AUTO_FD fd = file_of(*state, &packed);
        assert_returns(kind != COMPRESS_NONE, archive_reader_is_compressed(fd, &failure));
        assert_returns(0,
                       archive_reader_unpack(fd, (int64_t)packed.len, NULL, take, &out, &failure));
        assert_int_equal(tar.len, out.len);
        assert_memory_equal(tar.s, out.s, tar.len);
    }
}

static void test_unpack_damaged(void **state)
{
    AUTO_BUF tar = BUF_INIT, packed = BUF_INIT, out = BUF_INIT;

    add_file(&tar, "one", "some text of a file");
    compress(COMPRESS_GZIP, tar, &packed);
    packed.len /= 2;
    AUTO_FD fd = file_of(*state, &packed);
    assert_fails(ARCHIVE_INVALID, archive_reader_unpack(fd, -1, NULL, take, &out, &failure));
}

static int refuse(void *context, const void *bytes, size_t len, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)len;
    return err_set(err, ERR_NO_SPACE, "full");
}

static void test_sink_fails(void **state)
{
    AUTO_BUF tar = BUF_INIT;

    add_file(&tar, "one", "1");
    AUTO_FD fd = file_of(*state, &tar);
    assert_fails(NO_SPACE, archive_reader_unpack(fd, -1, NULL, refuse, NULL, &failure));
}

static void test_unpack_a_pipe(void **state)
{
    AUTO_BUF out = BUF_INIT;
    int ends[2];
    (void)state;

    assert_int_equal(0, pipe(ends));
    assert_int_equal(5, write(ends[1], "bytes", 5));
    close(ends[1]);
    assert_returns(0, archive_reader_unpack(ends[0], -1, NULL, take, &out, &failure));
    assert_string_equal("bytes", out.s);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_list),          DIR_TEST(test_cut_off),        DIR_TEST(test_no_archive),
        DIR_TEST(test_unpack),        DIR_TEST(test_unpack_damaged), DIR_TEST(test_sink_fails),
        DIR_TEST(test_unpack_a_pipe),
    };

    return RUN(tests);
}
