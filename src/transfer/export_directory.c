/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export` to a directory: a new OCI image layout, or one that grows. Each blob is there
 * whole or not at all, and index.json names it only then. */
#include "transfer/export.h"

#include "admin/caller.h"
#include "base/fs.h"
#include "base/mem.h"
#include "transfer/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".berth-"
#define INDEX_MAX ((size_t)1 << 30)
/* Written files wait for so many more, or so many bytes, so that their fsyncs share what the file
 * system has to do. What waits is lost if the export is broken off. */
#define PENDING_MAX 64
#define PENDING_BYTES_MAX ((int64_t)64 << 20)

struct pending {
    struct partial partial;
    struct digest digest;
};

struct directory_output {
    struct export_output base;
    bool sync;
    char *path;
    int root;
    int blobs[DIGEST_ALGORITHMS]; /* -1: not needed so far */
    struct pending pending[PENDING_MAX];
    size_t n_pending; /* whole ones */
    int64_t pending_bytes;
    bool writing;   /* one more, at pending[n_pending] */
    int64_t offset; /* in that */
};

static struct directory_output *directory_of(struct export_output *output)
{
    return (struct directory_output *)output;
}

/* Opens a directory in another, and makes it if it is not there. A medium may hold anything: links
 * are not followed. */
static int open_below(int dir, const char *name, struct err *err)
{
    int made = mkdirat(dir, name, 0777);
    int fd = made == 0 || errno == EEXIST
                 ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;

    return fd >= 0 ? fd : err_sys(err, errno, "make the directory %s", name);
}

static int blobs_of(struct directory_output *output, enum digest_algorithm algorithm,
                    struct err *err)
{
    if (output->blobs[algorithm] >= 0)
        return output->blobs[algorithm];
    caller_begin();
    AUTO_FD all = open_below(output->root, "blobs", err);
    if (all >= 0)
        output->blobs[algorithm] = open_below(all, digest_algorithm_name(algorithm), err);
    if (all >= 0 && output->sync)
        fsync(all);
    caller_end();
    return output->blobs[algorithm] >= 0 ? output->blobs[algorithm]
                                         : export_failed(output->path, err);
}

/* 1, 0 or -1. What was written by us is whole if it is there; another size is another's work. */
static int is_there(struct directory_output *output, const struct digest *digest, int64_t size,
                    struct err *err)
{
    struct stat st;
    int dir = blobs_of(output, digest->algorithm, err);

    if (dir < 0)
        return -1;
    return fstatat(dir, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size == size;
}

static int begin(struct export_output *base, const struct export_plan *plan, struct err *err)
{
    struct directory_output *output = directory_of(base);
    int64_t bytes = 0;

    for (size_t i = 0; i < plan->n_contents; i++) {
        struct digest digest;
        export_content_digest(&plan->contents[i], &digest);
        int there = is_there(output, &digest, plan->contents[i].size, err);
        if (there < 0)
            return -1;
        bytes += there ? 0 : plan->contents[i].size;
    }
    return export_check_room(output->root, bytes, output->path, err);
}

static int flush(struct directory_output *output, struct err *err)
{
    while (output->n_pending > 0) {
        struct pending *pending = &output->pending[output->n_pending - 1];
        int dir = blobs_of(output, pending->digest.algorithm, err);
        if (dir < 0 || partial_commit(&pending->partial, dir, digest_hex(&pending->digest),
                                      output->sync, err) < 0)
            return export_failed(output->path, err);
        output->n_pending--;
    }
    output->pending_bytes = 0;
    return 0;
}

static int file(struct export_output *base, const struct digest *digest, int64_t size,
                struct err *err)
{
    struct directory_output *output = directory_of(base);
    int there = is_there(output, digest, size, err);

    if (there)
        return there < 0 ? -1 : 0;
    struct pending *pending = &output->pending[output->n_pending];
    pending->digest = *digest;
    if (partial_create(&pending->partial, output->root, PREFIX, err) < 0)
        return export_failed(output->path, err);
    output->writing = true;
    output->offset = 0;
    return 1;
}

static int bytes(struct export_output *base, const void *bytes, size_t len, struct err *err)
{
    struct directory_output *output = directory_of(base);
    int fd = output->pending[output->n_pending].partial.fd;

    if (file_pwrite_all(fd, bytes, len, output->offset, err) < 0)
        return export_failed(output->path, err);
    output->offset += (int64_t)len;
    return 0;
}

static int end(struct export_output *base, struct err *err)
{
    struct directory_output *output = directory_of(base);

    output->writing = false;
    output->n_pending++;
    output->pending_bytes += output->offset;
    bool enough = output->n_pending == PENDING_MAX || output->pending_bytes >= PENDING_BYTES_MAX;
    return enough ? flush(output, err) : 0;
}

static int put(const struct directory_output *output, const char *name, const struct buf *text,
               struct err *err)
{
    struct partial partial;

    if (partial_create(&partial, output->root, PREFIX, err) < 0)
        return -1;
    int result = file_pwrite_all(partial.fd, text->s, text->len, 0, err);
    if (result == 0)
        result = partial_commit(&partial, output->root, name, output->sync, err);
    partial_abandon(&partial);
    return result;
}

static int sync_directories(const struct directory_output *output, struct err *err)
{
    for (int i = 0; output->sync && i < DIGEST_ALGORITHMS; i++)
        if (output->blobs[i] >= 0 && fsync(output->blobs[i]) < 0 && errno != EINVAL)
            return err_sys(err, errno, "fsync blobs");
    return 0;
}

static int put_documents(const struct directory_output *output, const struct export_plan *plan,
                         struct err *err)
{
    const struct fs_root root = {.fd = output->root};
    const struct buf layout = {.s = (char[]){EXPORT_LAYOUT}, .len = strlen(EXPORT_LAYOUT)};
    AUTO_BUF before = BUF_INIT;
    AUTO_BUF index = BUF_INIT;

    caller_begin();
    bool is_layout = faccessat(output->root, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int found = fs_read(&root, "index.json", INDEX_MAX, &before, err);
    caller_end();
    if (found < 0 || export_index(plan, found ? &before : NULL, &index, err) < 0 ||
        (!is_layout && put(output, "oci-layout", &layout, err) < 0) ||
        put(output, "index.json", &index, err) < 0)
        return -1;
    if (output->sync && fsync(output->root) < 0 && errno != EINVAL)
        return err_sys(err, errno, "fsync");
    return 0;
}

static int finish(struct export_output *base, const struct export_plan *plan, struct err *err)
{
    struct directory_output *output = directory_of(base);

    if (flush(output, err) < 0)
        return -1;
    if (sync_directories(output, err) < 0 || put_documents(output, plan, err) < 0)
        return export_failed(output->path, err);
    return 0;
}

static void close_directory(struct export_output *base)
{
    struct directory_output *output = directory_of(base);

    for (size_t i = 0; i < output->n_pending + output->writing; i++)
        partial_abandon(&output->pending[i].partial);
    for (int i = 0; i < DIGEST_ALGORITHMS; i++)
        file_close(&output->blobs[i]);
    file_close(&output->root);
    free(output->path);
    free(output);
}

/* Of two exports to one directory each would forget the other's names. */
static int open_root(struct directory_output *output, struct err *err)
{
    caller_begin();
    int made = mkdir(output->path, 0777);
    int errnum = errno;
    if (made == 0 || errnum == EEXIST) {
        output->root = open(output->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        errnum = errno;
    }
    caller_end();
    if (output->root < 0)
        return err_sys(err, errnum, "%s", output->path);
    if (flock(output->root, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "another export writes to %s", output->path);
    partial_clean(output->root, PREFIX);
    return 0;
}

int export_open_directory(const char *path, bool sync, struct export_output **opened,
                          struct err *err)
{
    struct directory_output *output = mem_alloc(sizeof *output);

    *output = (struct directory_output){
        .base = {begin, file, bytes, end, finish, close_directory},
        .sync = sync,
        .path = mem_strdup(path),
        .root = -1,
        .blobs = {-1, -1},
    };
    if (open_root(output, err) < 0) {
        close_directory(&output->base);
        return -1;
    }
    *opened = &output->base;
    return 0;
}
