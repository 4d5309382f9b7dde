/* SPDX-License-Identifier: Apache-2.0
 * L4: export: to a directory. */
#include "transfer/output_directory.h"

#include "base/file.h"
#include "base/fs.h"
#include "oci/saved.h"
#include "transfer/export_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".berth-"
#define INDEX_MAX (2 * SAVED_LENGTH_MAX) /* others may write longer ones */
/* Written files wait for so many more, or so many bytes, so that their fsyncs share what the file
 * system has to do. What waits is lost if the export is broken off. */
#define PENDING_MAX 64
#define PENDING_BYTES_MAX ((int64_t)64 << 20)

struct pending {
    struct partial partial;
    struct digest digest;
};

struct directory {
    struct output base;
    bool sync;
    const struct partial_rights *rights;
    int root;
    int blobs[DIGEST_ALGORITHMS]; /* -1: not needed so far */
    struct pending pending[PENDING_MAX];
    size_t n_pending; /* whole ones */
    int64_t pending_bytes;
    bool writing;   /* one more, at pending[n_pending] */
    int64_t offset; /* in that */
};

static struct directory *directory_of(struct output *output)
{
    return (struct directory *)output;
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

static int blobs_of(struct directory *output, enum digest_algorithm algorithm, struct err *err)
{
    if (output->blobs[algorithm] >= 0)
        return output->blobs[algorithm];
    partial_take(output->rights);
    AUTO_FD all = open_below(output->root, "blobs", err);
    if (all >= 0)
        output->blobs[algorithm] = open_below(all, digest_algorithm_name(algorithm), err);
    if (all >= 0 && output->sync)
        file_sync(all);
    partial_drop(output->rights);
    return output->blobs[algorithm] >= 0 ? output->blobs[algorithm]
                                         : output_failed(&output->base, err);
}

/* 1, 0 or -1. What was written by us is whole if it is there; another size is another's work. */
static int is_there(struct directory *output, const struct digest *digest, int64_t size,
                    struct err *err)
{
    struct stat st;
    int dir = blobs_of(output, digest->algorithm, err);

    if (dir < 0)
        return -1;
    partial_take(output->rights);
    bool found = fstatat(dir, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0;
    partial_drop(output->rights);
    return found && S_ISREG(st.st_mode) && st.st_size == size;
}

static int begin(struct output *base, const struct export_plan *plan, struct err *err)
{
    struct directory *output = directory_of(base);
    int64_t bytes = 0;

    if (export_index_check(plan, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->n_contents; i++) {
        struct digest digest;
        digest_key_unpack(&plan->contents[i].digest, &digest);
        int there = is_there(output, &digest, plan->contents[i].size, err);
        if (there < 0)
            return -1;
        bytes += there ? 0 : plan->contents[i].size;
    }
    return output_check_room(&output->base, output->root, bytes, err);
}

static int flush(struct directory *output, struct err *err)
{
    while (output->n_pending > 0) {
        struct pending *pending = &output->pending[output->n_pending - 1];
        int dir = blobs_of(output, pending->digest.algorithm, err);
        if (dir < 0 || partial_commit(&pending->partial, dir, digest_hex(&pending->digest),
                                      output->sync, err) < 0)
            return output_failed(&output->base, err);
        output->n_pending--;
    }
    output->pending_bytes = 0;
    return 0;
}

static int file(struct output *base, const struct export_plan_content *content, struct err *err)
{
    struct directory *output = directory_of(base);
    struct pending *pending = &output->pending[output->n_pending];

    digest_key_unpack(&content->digest, &pending->digest);
    int there = is_there(output, &pending->digest, content->size, err);
    if (there)
        return there < 0 ? -1 : 0;
    if (partial_create(&pending->partial, output->root, PREFIX, output->rights, err) < 0)
        return output_failed(&output->base, err);
    output->writing = true;
    output->offset = 0;
    return 1;
}

static int bytes(struct output *base, const void *bytes, size_t len, struct err *err)
{
    struct directory *output = directory_of(base);
    int fd = output->pending[output->n_pending].partial.fd;

    if (file_pwrite_all(fd, bytes, len, output->offset, err) < 0)
        return output_failed(&output->base, err);
    output->offset += (int64_t)len;
    return 0;
}

static int end(struct output *base, struct err *err)
{
    struct directory *output = directory_of(base);

    output->writing = false;
    output->n_pending++;
    output->pending_bytes += output->offset;
    bool enough = output->n_pending == PENDING_MAX || output->pending_bytes >= PENDING_BYTES_MAX;
    return enough ? flush(output, err) : 0;
}

static int put(const struct directory *output, const char *name, const struct buf *text,
               struct err *err)
{
    struct partial partial;

    if (partial_create(&partial, output->root, PREFIX, output->rights, err) < 0)
        return -1;
    int result = file_pwrite_all(partial.fd, text->s, text->len, 0, err);
    if (result == 0)
        result = partial_commit(&partial, output->root, name, output->sync, err);
    partial_abandon(&partial);
    return result;
}

static int sync_directories(const struct directory *output, struct err *err)
{
    for (int i = 0; output->sync && i < DIGEST_ALGORITHMS; i++)
        if (output->blobs[i] >= 0 && file_sync(output->blobs[i]) < 0 && errno != EINVAL)
            return err_sys(err, errno, "fsync blobs");
    return 0;
}

static int put_documents(const struct directory *output, const struct export_plan *plan,
                         struct err *err)
{
    const struct fs_root root = {.fd = output->root};
    const struct buf layout = {.s = (char[]){EXPORT_INDEX_LAYOUT},
                               .len = strlen(EXPORT_INDEX_LAYOUT)};
    AUTO_BUF before = BUF_INIT;
    AUTO_BUF index = BUF_INIT;

    partial_take(output->rights);
    bool is_layout = faccessat(output->root, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int found = fs_read(&root, "index.json", INDEX_MAX, &before, err);
    partial_drop(output->rights);
    if (found < 0 || export_index(plan, found ? &before : NULL, &index, err) < 0 ||
        (!is_layout && put(output, "oci-layout", &layout, err) < 0) ||
        put(output, "index.json", &index, err) < 0)
        return -1;
    if (output->sync && file_sync(output->root) < 0 && errno != EINVAL)
        return err_sys(err, errno, "fsync");
    return 0;
}

static int finish(struct output *base, const struct export_plan *plan, struct err *err)
{
    struct directory *output = directory_of(base);

    if (flush(output, err) < 0)
        return -1;
    if (sync_directories(output, err) < 0 || put_documents(output, plan, err) < 0)
        return output_failed(&output->base, err);
    return 0;
}

static void close_directory(struct output *base)
{
    struct directory *output = directory_of(base);

    for (size_t i = 0; i < output->n_pending + output->writing; i++)
        partial_abandon(&output->pending[i].partial);
    for (int i = 0; i < DIGEST_ALGORITHMS; i++)
        file_close(&output->blobs[i]);
    file_close(&output->root);
    free(output);
}

static const struct output_kind kind = {
    .order = EXPORT_PLAN_MANIFESTS_FIRST,
    .begin = begin,
    .file = file,
    .bytes = bytes,
    .end = end,
    .finish = finish,
    .close = close_directory,
};

/* Of two exports to one directory each would forget the other's names. */
static int take_over(const struct directory *output, struct err *err)
{
    if (flock(output->root, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "another export writes to %s", output->base.label);
    partial_clean(output->root, PREFIX, output->rights);
    return 0;
}

int output_directory_open(struct output **opened, int fd, const char *label, bool sync,
                          const struct partial_rights *rights, struct err *err)
{
    struct directory *output = output_new(sizeof *output, &kind, label);

    output->sync = sync;
    output->rights = rights;
    output->root = fd;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++)
        output->blobs[i] = -1;
    if (take_over(output, err) < 0) {
        output_close(&output->base);
        return -1;
    }
    *opened = &output->base;
    return 0;
}
