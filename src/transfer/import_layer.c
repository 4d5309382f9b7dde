/* SPDX-License-Identifier: Apache-2.0
 * L4: import: a layer of docker save. */
#include "transfer/import_layer.h"

#include "oci/digester.h"
#include "registry/push_blob.h"

#include <string.h>

#define TAR_BLOCK 512

/* A file system without files is two blocks of zeros. What unpacks to so much more than it has, and
 * is larger than any layer, is there to keep us busy. */
#define UNPACKED_UNSUSPICIOUS ((int64_t)64 << 30)
#define UNPACKED_RATIO_MAX 1100

struct input {
    struct import *import;
    const char *name;
    const struct source_file *file;
    const struct digest *diff_id;
    int64_t at;       /* bytes that were read */
    int64_t unpacked; /* bytes of tar in them */
    unsigned char head[TAR_BLOCK];
    struct digester digester;          /* of the tar */
    struct decompressor *decompressor; /* NULL: it is tar */
};

/* The first block of a tar file has the sum of its bytes in it, in octal, counting the sum itself
 * as spaces (POSIX, pax). */
static bool is_tar(const unsigned char head[TAR_BLOCK])
{
    unsigned long sum = 0, stated = 0;
    size_t i = 148;

    for (size_t j = 0; j < TAR_BLOCK; j++)
        sum += j >= 148 && j < 156 ? ' ' : head[j];
    while (i < 156 && head[i] == ' ')
        i++;
    for (; i < 156 && head[i] >= '0' && head[i] <= '7'; i++)
        stated = 8 * stated + (head[i] - '0');
    return stated == sum || sum == 8 * ' '; /* or all is zero */
}

/* Takes bytes of the tar. */
static int take(void *to, const void *bytes, size_t len, struct err *err)
{
    struct input *input = to;

    if (input->unpacked < TAR_BLOCK) {
        size_t at = (size_t)input->unpacked;
        memcpy(input->head + at, bytes, len < TAR_BLOCK - at ? len : TAR_BLOCK - at);
    }
    digester_update(&input->digester, bytes, len);
    input->unpacked += (int64_t)len;
    if (input->unpacked > UNPACKED_UNSUSPICIOUS &&
        input->unpacked / UNPACKED_RATIO_MAX > input->file->size)
        return err_set(err, ERR_ARCHIVE_INVALID, "%s unpacks to more than any layer has",
                       input->name);
    return 0;
}

static int check_end(struct input *input, struct err *err)
{
    struct digest actual;
    struct err failure;

    if (input->decompressor && decompress_finish(input->decompressor, &failure) < 0)
        return err_set(err, ERR_ARCHIVE_INVALID, "%s: %s", input->name, failure.msg);
    if (input->unpacked < TAR_BLOCK || !is_tar(input->head))
        return err_set(err, ERR_ARCHIVE_INVALID, "%s is no layer: it is no tar file", input->name);
    digester_final(&input->digester, &actual);
    if (!digest_equal(&actual, input->diff_id))
        return err_set(err, ERR_DIGEST_INVALID,
                       "%s is damaged: its content has the digest %s, not %s", input->name,
                       actual.s, input->diff_id->s);
    return 0;
}

/* The bytes of the file; at their end it is certain that they are the layer. */
static ssize_t input_read(void *from, void *bytes, size_t len, struct err *err)
{
    struct input *input = from;
    struct err failure;

    if (transfer_check(input->import->options, err) < 0)
        return -1;
    ssize_t n = source_file_read(input->file, input->at, bytes, len, err);
    if (n < 0)
        return -1;
    if (n == 0)
        return check_end(input, err);
    input->at += n;
    import_run_progress(input->import, n);
    if (!input->decompressor)
        return take(input, bytes, (size_t)n, err) < 0 ? -1 : n;
    if (decompress_write(input->decompressor, bytes, (size_t)n, &failure) < 0)
        return err_set(err, failure.code, "%s: %s", input->name, failure.msg);
    return n;
}

static ssize_t compressed_read(void *from, void *bytes, size_t len, struct err *err)
{
    return compress_read(from, bytes, len, err);
}

static int store_input(struct input *input, enum compress_kind compress,
                       const struct name *repository, struct pushed_blob *pushed, struct err *err)
{
    struct import *import = input->import;
    struct push_session session = {.name = *repository, .user = ""};
    struct compress_source source = {input_read, input};
    struct compressor *compressor = compress_open(compress, import->options->jobs, source);
    struct push_body body = {compressed_read, compressor};

    int result =
        push_blob_new(import->options->registry, &session, DIGEST_SHA256, body, pushed, err);
    compress_close(compressor);
    return result;
}

int import_layer_push(struct import *import, const char *name, const struct source_file *file,
                      const struct digest *diff_id, const struct name *repository,
                      struct import_run_layer *layer, struct err *err)
{
    struct input input = {.import = import, .name = name, .file = file, .diff_id = diff_id};
    struct pushed_blob pushed;
    unsigned char magic[4];

    ssize_t n = source_file_read(file, 0, magic, sizeof magic, err);
    if (n < 0)
        return -1;
    enum compress_kind kind = compress_kind_of(magic, (size_t)n);
    if (kind != COMPRESS_NONE)
        input.decompressor = decompress_open(kind, (struct decompress_sink){take, &input});
    digester_init(&input.digester, diff_id->algorithm);
    int result =
        store_input(&input, kind == COMPRESS_NONE ? import->request->compress : COMPRESS_NONE,
                    repository, &pushed, err);
    digester_free(&input.digester);
    decompress_close(input.decompressor);
    if (result < 0)
        return -1;
    import->new_size += pushed.is_new ? pushed.size : 0;
    *layer = (struct import_run_layer){*diff_id, pushed.digest, pushed.size,
                                       kind == COMPRESS_NONE ? import->request->compress : kind};
    return 0;
}
