/* SPDX-License-Identifier: Apache-2.0
 * L0: tar archives. */
#include "base/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

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
        *err = writer->failure;
        return -1;
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
