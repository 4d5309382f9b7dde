/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export` to a tar: a file, which is there whole or not at all, or a stream. */
#include "transfer/export.h"

#include "admin/caller.h"
#include "base/fs.h"
#include "base/mem.h"
#include "pack/archive.h"
#include "transfer/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tar has two blocks for a file besides its bytes, and four more if its name is a sha512. */
#define TAR_OVERHEAD (6 * 512)

struct tar_output {
    struct export_output base;
    bool sync;
    enum archive_packing packing;
    char *path;             /* NULL: standard output */
    struct partial partial; /* of a plain file */
    int dir;                /* the one that it is in */
    int fd;                 /* of what is no plain file, such as a pipe or a tape */
    struct archive_writer tar;
};

static struct tar_output *tar_of(struct export_output *output)
{
    return (struct tar_output *)output;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int add(struct tar_output *output, const char *name, const struct buf *text, struct err *err)
{
    if (archive_writer_file(&output->tar, name, (int64_t)text->len, err) < 0 ||
        archive_writer_add(&output->tar, text->s, text->len, err) < 0)
        return export_failed(output->path, err);
    return 0;
}

static int begin(struct export_output *base, const struct export_plan *plan, struct err *err)
{
    struct tar_output *output = tar_of(base);
    const struct buf layout = {.s = (char[]){EXPORT_LAYOUT}, .len = strlen(EXPORT_LAYOUT)};
    AUTO_BUF index = BUF_INIT;
    AUTO_BUF docker = BUF_INIT;

    if (export_index(plan, NULL, &index, err) < 0 || export_docker(plan, &docker, err) < 0)
        return -1;
    int64_t size =
        plan->bytes + (int64_t)(index.len + docker.len + (plan->n_contents + 4) * TAR_OVERHEAD);
    if (output->partial.fd >= 0 && output->packing == ARCHIVE_PLAIN &&
        export_check_room(output->partial.fd, size, output->path, err) < 0)
        return -1;
    int fd = output->partial.fd >= 0 ? output->partial.fd : output->fd;
    if (archive_writer_open(&output->tar, fd, output->packing, err) < 0)
        return export_failed(output->path, err);
    if (add(output, "oci-layout", &layout, err) < 0 || add(output, "index.json", &index, err) < 0)
        return -1;
    return docker.len ? add(output, "manifest.json", &docker, err) : 0;
}

static int file(struct export_output *base, const struct digest *digest, int64_t size,
                struct err *err)
{
    struct tar_output *output = tar_of(base);
    char name[sizeof(struct digest) + 16];

    snprintf(name, sizeof name, "blobs/%s/%s", digest_algorithm_name(digest->algorithm),
             digest_hex(digest));
    return archive_writer_file(&output->tar, name, size, err) < 0 ? export_failed(output->path, err)
                                                                  : 1;
}

static int bytes(struct export_output *base, const void *bytes, size_t len, struct err *err)
{
    struct tar_output *output = tar_of(base);
    return archive_writer_add(&output->tar, bytes, len, err) < 0 ? export_failed(output->path, err)
                                                                 : 0;
}

static int end(struct export_output *base, struct err *err)
{
    (void)base;
    (void)err;
    return 0;
}

static int finish(struct export_output *base, const struct export_plan *plan, struct err *err)
{
    struct tar_output *output = tar_of(base);
    (void)plan;
    if (archive_writer_finish(&output->tar, err) < 0)
        return export_failed(output->path, err);
    if (output->partial.fd < 0)
        return 0;
    if (partial_commit(&output->partial, output->dir, base_of(output->path), output->sync, err) < 0)
        return export_failed(output->path, err);
    if (output->sync && fsync(output->dir) < 0 && errno != EINVAL)
        return err_sys(err, errno, "fsync the directory of %s", output->path);
    return 0;
}

static void close_tar(struct export_output *base)
{
    struct tar_output *output = tar_of(base);

    archive_writer_free(&output->tar);
    partial_abandon(&output->partial);
    file_close(&output->dir);
    if (output->fd != STDOUT_FILENO)
        file_close(&output->fd);
    free(output->path);
    free(output);
}

/* Pipes, terminals and tapes are written to as they are. */
static int open_special(struct tar_output *output, struct err *err)
{
    struct stat st;

    if (stat(output->path, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    output->fd = open(output->path, O_WRONLY | O_CLOEXEC);
    if (output->fd < 0)
        return err_sys(err, errno, "%s", output->path);
    return 1;
}

static int open_file(struct tar_output *output, struct err *err)
{
    const char *base = base_of(output->path);
    AUTO_BUF dir = BUF_INIT;
    char prefix[NAME_MAX];

    caller_begin();
    int special = open_special(output, err);
    if (special == 0) {
        buf_add(&dir, output->path, (size_t)(base - output->path));
        output->dir = open(dir.len ? dir.s : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (output->dir < 0)
            special = err_sys(err, errno, "the directory of %s", output->path);
    }
    caller_end();
    if (special)
        return special < 0 ? -1 : 0;
    snprintf(prefix, sizeof prefix, "%.200s.", base);
    partial_clean(output->dir, prefix);
    return partial_create(&output->partial, output->dir, prefix, err);
}

/* Behind a link, such as /dev/stdout, is what is to be written, not in the link's place. */
static char *resolve(const char *path)
{
    caller_begin();
    char *real = realpath(path, NULL);
    caller_end();
    return real ? real : mem_strdup(path);
}

int export_open_tar(const char *path, bool sync, struct export_output **opened, struct err *err)
{
    struct tar_output *output = mem_alloc(sizeof *output);

    *output = (struct tar_output){
        .base = {begin, file, bytes, end, finish, close_tar},
        .sync = sync,
        .packing = path ? archive_packing_of(path) : ARCHIVE_PLAIN,
        .path = path ? resolve(path) : NULL,
        .partial = {.fd = -1},
        .dir = -1,
        .fd = path ? -1 : STDOUT_FILENO,
    };
    if (path && open_file(output, err) < 0) {
        close_tar(&output->base);
        return -1;
    }
    *opened = &output->base;
    return 0;
}
