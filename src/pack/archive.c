/* SPDX-License-Identifier: Apache-2.0
 * L0: reading and writing archives (the only user of archive.h and archive_entry.h). */
#include "pack/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)256 << 10)

/* gzip packs 1000 to 1 at most, and an image is no file of zeros. What unpacks to more is there to
 * fill the disk. */
#define UNPACKED_FREE ((int64_t)64 << 20)
#define UNPACKED_RATIO_MAX 1100

/* What of a tar is read on the way to the next member, whose data is skipped. libarchive bounds the
 * long names by 1 MiB each, and keeps 80 bytes of memory for each 4 of the map of a sparse file. */
#define HEADER_MAX ((size_t)3 << 20)

/* Where libarchive gets its bytes. */
struct reader_source {
    int fd;
    bool seekable;
    int64_t at;   /* bytes that were read or skipped */
    int64_t size; /* of what is seekable */
    bool has_headers;
    size_t in_header; /* bytes of the one that is read */
    char *bytes;
};

static la_ssize_t reader_read(struct archive *archive, void *context, const void **bytes)
{
    struct reader_source *source = context;
    ssize_t n;

    *bytes = source->bytes;
    if (source->has_headers && source->in_header > HEADER_MAX) {
        archive_set_error(archive, EINVAL, "a header is too long");
        return ARCHIVE_FATAL;
    }
    do
        n = source->seekable ? pread(source->fd, source->bytes, READ_SIZE, source->at)
                             : read(source->fd, source->bytes, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(archive, errno, "read: %s", strerror(errno));
    if (n < 0)
        return ARCHIVE_FATAL;
    source->at += n;
    source->in_header += (size_t)n;
    return n;
}

/* Past the end there is nothing to skip; libarchive sees the end when it reads on. */
static la_int64_t reader_skip(struct archive *archive, void *context, la_int64_t request)
{
    struct reader_source *source = context;

    (void)archive;
    if (!source->seekable || source->at >= source->size)
        return 0;
    int64_t rest = source->size - source->at;
    int64_t n = request < rest ? request : rest;
    source->at += n;
    return n;
}

static int reader_failed(struct archive *archive, struct err *err)
{
    const char *text = archive_error_string(archive);

    return err_set(err, ERR_ARCHIVE_INVALID, "the archive is damaged or none: %s",
                   text ? text : "it cannot be read");
}

static void support_filters(struct archive *archive)
{
    /* Not archive_read_support_filter_all: some of those run programs. */
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_compress(archive);
}

static struct archive *reader_open(struct reader_source *source, bool unpack, struct err *err)
{
    struct archive *archive = archive_read_new();

    source->bytes = malloc(READ_SIZE);
    if (!archive || !source->bytes)
        abort();
    if (unpack) {
        support_filters(archive);
        archive_read_support_format_raw(archive);
    } else {
        archive_read_support_format_tar(archive);
    }
    archive_read_set_read_callback(archive, reader_read);
    archive_read_set_skip_callback(archive, reader_skip);
    archive_read_set_callback_data(archive, source);
    if (archive_read_open1(archive) == ARCHIVE_OK)
        return archive;
    reader_failed(archive, err);
    archive_read_free(archive);
    free(source->bytes);
    return NULL;
}

static void reader_close(struct archive *archive, struct reader_source *source)
{
    archive_read_free(archive);
    free(source->bytes);
}

/* 1: *member is to be visited, 0: it is not. */
static int describe(struct archive *archive, struct archive_entry *entry,
                    const struct reader_source *source, struct archive_member *member,
                    struct err *err)
{
    *member = (struct archive_member){
        .name = archive_entry_pathname(entry),
        .target = archive_entry_hardlink(entry),
        .offset = archive_filter_bytes(archive, 0),
        .size = archive_entry_size(entry),
    };
    if (!member->name)
        return err_set(err, ERR_ARCHIVE_INVALID, "a name in the archive cannot be read");
    if (member->target) {
        member->kind = ARCHIVE_MEMBER_HARDLINK;
        return 1;
    }
    if (archive_entry_filetype(entry) == AE_IFLNK) {
        member->kind = ARCHIVE_MEMBER_SYMLINK;
        member->target = archive_entry_symlink(entry);
        return member->target != NULL;
    }
    if (archive_entry_filetype(entry) != AE_IFREG)
        return 0;
    if (archive_entry_sparse_count(entry) > 0)
        return err_set(err, ERR_ARCHIVE_INVALID, "%s is sparse: make the archive without that",
                       member->name);
    if (member->size < 0 || member->offset > source->size ||
        member->size > source->size - member->offset)
        return err_set(
            err, ERR_ARCHIVE_INVALID, "%s is cut off: of its %jd bytes the archive has %jd",
            member->name, (intmax_t)member->size,
            (intmax_t)(member->offset < source->size ? source->size - member->offset : 0));
    return 1;
}

int archive_reader_list(int fd, archive_reader_visit_fn *visit, void *context, struct err *err)
{
    struct reader_source source = {.fd = fd, .seekable = true, .has_headers = true};
    struct archive_entry *entry;
    struct archive_member member;
    struct stat st;
    int got = ARCHIVE_OK, result = 0;

    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "stat an archive");
    source.size = st.st_size;
    struct archive *archive = reader_open(&source, false, err);
    if (!archive)
        return -1;
    while (result == 0 && (got = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF) {
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
            result = reader_failed(archive, err);
            break;
        }
        result = describe(archive, entry, &source, &member, err);
        if (result > 0)
            result = visit(context, &member, err);
        source.in_header = 0;
    }
    reader_close(archive, &source);
    return result;
}

int archive_reader_is_compressed(int fd, struct err *err)
{
    struct reader_source source = {.fd = fd, .seekable = true};
    struct archive_entry *entry;

    struct archive *archive = reader_open(&source, true, err);
    if (!archive)
        return -1;
    /* An empty file has no header; the filters show before it. */
    archive_read_next_header(archive, &entry);
    int filters = archive_filter_count(archive); /* one of them is the file */
    reader_close(archive, &source);
    return filters > 1;
}

/* The file itself is one of the filters. */
static int check_packed_once(struct archive *archive, struct err *err)
{
    if (archive_filter_count(archive) <= 2)
        return 0;
    return err_set(err, ERR_ARCHIVE_INVALID,
                   "it is compressed more than once: decompress it before");
}

static int check_unpacked(struct archive *archive, int64_t unpacked, struct err *err)
{
    int64_t packed = archive_filter_bytes(archive, -1);

    if (unpacked <= UNPACKED_FREE || (unpacked - UNPACKED_FREE) / UNPACKED_RATIO_MAX < packed)
        return 0;
    return err_set(err, ERR_ARCHIVE_INVALID,
                   "its first %jd bytes unpack to more than %jd: that is no image; if it is, "
                   "decompress it before",
                   (intmax_t)packed, (intmax_t)unpacked);
}

int archive_reader_unpack(int fd, int64_t total, const struct progress *progress,
                          archive_reader_sink_fn *sink, void *context, struct err *err)
{
    struct reader_source source = {.fd = fd};
    struct archive_entry *entry;
    const void *bytes;
    size_t len;
    la_int64_t offset;
    int64_t unpacked = 0;
    int got, result = 0;

    struct archive *archive = reader_open(&source, true, err);
    if (!archive)
        return -1;
    got = archive_read_next_header(archive, &entry);
    result = check_packed_once(archive, err);
    while (result == 0 && (got == ARCHIVE_OK || got == ARCHIVE_WARN)) {
        got = archive_read_data_block(archive, &bytes, &len, &offset);
        if (got != ARCHIVE_OK)
            break;
        unpacked += (int64_t)len;
        result = check_unpacked(archive, unpacked, err);
        if (result == 0)
            result = sink(context, bytes, len, err);
        progress_at(progress, "reading", source.at, total);
    }
    if (result == 0 && got != ARCHIVE_EOF)
        result = reader_failed(archive, err);
    reader_close(archive, &source);
    return result;
}

/* --- writing --- */

#define FILE_MODE 0644
#define PADDING_MAX ((int64_t)1 << 20)

static bool ends_in(const char *s, const char *end)
{
    size_t len = strlen(s), end_len = strlen(end);

    return len > end_len && !strcmp(s + len - end_len, end);
}

enum archive_packing archive_packing_of(const char *name)
{
    if (ends_in(name, ".tar.gz") || ends_in(name, ".tgz"))
        return ARCHIVE_GZIP;
    return ends_in(name, ".tar.zst") || ends_in(name, ".tzst") ? ARCHIVE_ZSTD : ARCHIVE_PLAIN;
}

/* libarchive leaks memory after an error of this function, so it hears of none: what failed is
 * found in writer->failure, and from then on nothing is written. */
static la_ssize_t write_out(struct archive *tar, void *context, const void *bytes, size_t len)
{
    struct archive_writer *writer = context;
    const char *from = bytes;
    size_t left = len;

    (void)tar;
    while (left > 0 && !writer->ended && writer->failure.code == ERR_NONE) {
        ssize_t n = write(writer->fd, from, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_sys(&writer->failure, errno, "write");
            break;
        }
        writer->written += n;
        from += n;
        left -= (size_t)n;
    }
    return (la_ssize_t)len;
}

/* 0, unless libarchive failed or write(2) did. */
static int check(const struct archive_writer *writer, bool done, struct err *err)
{
    if (writer->failure.code != ERR_NONE) {
        return err_copy(err, &writer->failure);
    }
    if (done)
        return 0;
    const char *text = archive_error_string(writer->tar);
    return err_set(err, ERR_INTERNAL, "write the archive: %s", text ? text : "no reason given");
}

static int set_packing(struct archive *tar, enum archive_packing packing)
{
    switch (packing) {
    case ARCHIVE_PLAIN:
        return archive_write_add_filter_none(tar);
    case ARCHIVE_GZIP:
        if (archive_write_add_filter_gzip(tar) != ARCHIVE_OK)
            return ARCHIVE_FATAL;
        return archive_write_set_filter_option(tar, "gzip", "timestamp", NULL);
    case ARCHIVE_ZSTD:
        return archive_write_add_filter_zstd(tar);
    }
    return ARCHIVE_FATAL;
}

int archive_writer_open(struct archive_writer *writer, int fd, enum archive_packing packing,
                        struct err *err)
{
    *writer = (struct archive_writer){.fd = fd, .tar = archive_write_new()};
    if (!writer->tar)
        return err_set(err, ERR_INTERNAL, "libarchive makes no archive");
    /* Nothing is gathered into blocks and no block is filled up: those are for tapes. */
    bool done = archive_write_set_format_pax_restricted(writer->tar) == ARCHIVE_OK &&
                set_packing(writer->tar, packing) == ARCHIVE_OK &&
                archive_write_set_bytes_per_block(writer->tar, 0) == ARCHIVE_OK &&
                archive_write_open(writer->tar, writer, NULL, write_out, NULL) == ARCHIVE_OK;
    return check(writer, done, err);
}

/* libarchive would fill the file up with zeros. */
static int check_whole(const struct archive_writer *writer, struct err *err)
{
    if (writer->missing == 0)
        return 0;
    return err_set(err, ERR_INTERNAL, "%jd bytes of an archive's file did not come",
                   (intmax_t)writer->missing);
}

int archive_writer_file(struct archive_writer *writer, const char *name, int64_t size,
                        struct err *err)
{
    if (check_whole(writer, err) < 0)
        return -1;
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, FILE_MODE);
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, 0, 0);
    int result = archive_write_header(writer->tar, entry);
    archive_entry_free(entry);
    writer->missing = size;
    return check(writer, result == ARCHIVE_OK, err);
}

int archive_writer_add(struct archive_writer *writer, const void *bytes, size_t len,
                       struct err *err)
{
    la_ssize_t n = archive_write_data(writer->tar, bytes, len);

    if (check(writer, n >= 0, err) < 0)
        return -1;
    writer->missing -= n;
    if ((size_t)n < len)
        return err_set(err, ERR_INTERNAL, "more bytes in an archive's file than it was to have");
    return 0;
}

int archive_writer_finish(struct archive_writer *writer, struct err *err)
{
    if (check_whole(writer, err) < 0)
        return -1;
    bool done = archive_write_close(writer->tar) == ARCHIVE_OK;
    return check(writer, done, err);
}

void archive_writer_free(struct archive_writer *writer)
{
    if (!writer->tar)
        return;
    writer->ended = true; /* freeing it writes the end */
    /* It would also pack what is missing of a file, as zeros. Without that it leaks a little. */
    if (writer->missing > PADDING_MAX)
        archive_write_fail(writer->tar);
    archive_write_free(writer->tar);
    writer->tar = NULL;
}
