/* SPDX-License-Identifier: Apache-2.0
 * L4: export: to a tar. */
#include "transfer/output_tar.h"

#include "transfer/export_docker.h"
#include "transfer/export_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A tar has two blocks for a file besides its bytes, and four more if its name is a sha512. */
#define TAR_OVERHEAD (6 * 512)

struct tar {
    struct output base;
    int fd;
    enum archive_packing packing;
    struct archive_writer writer;
};

static struct tar *tar_of(struct output *output)
{
    return (struct tar *)output;
}

static int add(struct tar *tar, const char *name, const struct buf *text, struct err *err)
{
    if (archive_writer_file(&tar->writer, name, (int64_t)text->len, err) < 0 ||
        archive_writer_add(&tar->writer, text->s, text->len, err) < 0)
        return output_failed(&tar->base, err);
    return 0;
}

/* Of a plain tar in a file it is known how large it will be. */
static int check_room(const struct tar *tar, int64_t size, struct err *err)
{
    struct stat st;

    if (tar->packing != ARCHIVE_PLAIN || fstat(tar->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    return output_check_room(&tar->base, tar->fd, size, err);
}

static int begin(struct output *output, const struct export_plan *plan, struct err *err)
{
    struct tar *tar = tar_of(output);
    const struct buf layout = {.s = (char[]){EXPORT_INDEX_LAYOUT},
                               .len = strlen(EXPORT_INDEX_LAYOUT)};
    AUTO_BUF index = BUF_INIT;
    AUTO_BUF docker = BUF_INIT;

    if (export_index(plan, NULL, &index, err) < 0 || export_docker(plan, &docker, err) < 0)
        return -1;
    int64_t size =
        plan->bytes + (int64_t)(index.len + docker.len + (plan->n_contents + 4) * TAR_OVERHEAD);
    if (check_room(tar, size, err) < 0)
        return -1;
    if (archive_writer_open(&tar->writer, tar->fd, tar->packing, err) < 0)
        return output_failed(output, err);
    if (add(tar, "oci-layout", &layout, err) < 0 || add(tar, "index.json", &index, err) < 0)
        return -1;
    return docker.len ? add(tar, "manifest.json", &docker, err) : 0;
}

static int file(struct output *output, const struct export_plan_content *content, struct err *err)
{
    char name[sizeof(struct digest) + 16];
    struct digest digest;

    digest_key_unpack(&content->digest, &digest);
    snprintf(name, sizeof name, "blobs/%s/%s", digest_algorithm_name(digest.algorithm),
             digest_hex(&digest));
    if (archive_writer_file(&tar_of(output)->writer, name, content->size, err) < 0)
        return output_failed(output, err);
    return 1;
}

static int bytes(struct output *output, const void *bytes, size_t len, struct err *err)
{
    if (archive_writer_add(&tar_of(output)->writer, bytes, len, err) < 0)
        return output_failed(output, err);
    return 0;
}

static int end(struct output *output, struct err *err)
{
    (void)output;
    (void)err;
    return 0;
}

static int finish(struct output *output, const struct export_plan *plan, struct err *err)
{
    (void)plan;
    if (archive_writer_finish(&tar_of(output)->writer, err) < 0)
        return output_failed(output, err);
    return 0;
}

static void close_tar(struct output *output)
{
    archive_writer_free(&tar_of(output)->writer);
    free(output);
}

static const struct output_kind kind = {
    .order = EXPORT_PLAN_MANIFESTS_FIRST,
    .begin = begin,
    .file = file,
    .bytes = bytes,
    .end = end,
    .finish = finish,
    .close = close_tar,
};

struct output *output_tar_new(int fd, const char *label, enum archive_packing packing)
{
    struct tar *tar = output_new(sizeof *tar, &kind, label);

    tar->fd = fd;
    tar->packing = packing;
    return &tar->base;
}
