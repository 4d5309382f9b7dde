/* SPDX-License-Identifier: Apache-2.0
 * L4: import: a directory as a source. */
#include "transfer/source_directory.h"

#include "base/dir.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 12

struct directory {
    struct source base;
    struct fs_root root;
};

static struct directory *directory_of(struct source *source)
{
    return (struct directory *)source;
}

static int find(struct source *source, const char *name, struct source_file *file, struct err *err)
{
    const struct directory *directory = directory_of(source);
    struct err failure;
    struct stat st;
    int fd;

    int found = fs_open(&directory->root, name, O_RDONLY | O_NONBLOCK, &fd, &failure);
    if (found < 0)
        return failure.sys ? err_sys(err, failure.sys, "%s/%s", source->label, name)
                           : err_copy(err, &failure);
    if (found == 0)
        return 0;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return 0;
    }
    file->fd = fd;
    file->size = st.st_size;
    return 1;
}

static int read_at(const struct source_file *file, int64_t at, void *bytes, size_t len,
                   struct err *err)
{
    return file_pread_all(file->fd, bytes, len, at, err);
}

static void close_file(struct source_file *file)
{
    file_close(&file->fd);
}

struct walk {
    const struct fs_root *root;
    const char *below;
    int depth;
    source_visit_fn *visit;
    void *context;
    struct err *err;
    int stop;
};

static int walk_below(struct walk *walk);

/* Names that no archive could have either are passed over. */
static bool look_at(void *context, const char *name)
{
    struct walk *walk = context;
    AUTO_BUF path = BUF_INIT;
    struct stat st;

    buf_addf(&path, "%s%s", walk->below, *walk->below ? "/" : "");
    if (!saved_path(&path, name, NULL))
        return false;
    int found = fs_stat(walk->root, path.s, &st, walk->err);
    if (found < 0)
        walk->stop = -1;
    if (found > 0 && S_ISREG(st.st_mode))
        walk->stop = walk->visit(walk->context, path.s, walk->err);
    if (found > 0 && S_ISDIR(st.st_mode) && walk->depth < DEPTH_MAX) {
        struct walk down = *walk;
        down.below = path.s;
        down.depth++;
        walk->stop = walk_below(&down);
    }
    return walk->stop != 0;
}

/* What is no directory, and no link followed to one, has nothing below it. */
static int walk_below(struct walk *walk)
{
    struct err failure;

    int listed = dir_each(walk->root, *walk->below ? walk->below : ".", look_at, walk, &failure);
    if (listed < 0 && failure.sys != ELOOP && failure.sys != ENOTDIR)
        return err_copy(walk->err, &failure);
    return walk->stop;
}

static int each(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err)
{
    struct walk walk = {&directory_of(source)->root, below, 0, visit, context, err, 0};

    return walk_below(&walk);
}

static void close_directory(struct source *source)
{
    fs_root_close(&directory_of(source)->root);
    free(source);
}

static const struct source_kind kind = {
    .find = find,
    .read = read_at,
    .close_file = close_file,
    .each = each,
    .close = close_directory,
};

struct source *source_directory_new(int fd, const char *label)
{
    struct directory *directory = source_new(sizeof *directory, &kind, label);
    size_t len = strlen(label);

    directory->root.fd = fd;
    while (len > 0 && label[len - 1] == '/')
        len--;
    size_t start = len;
    while (start > 0 && label[start - 1] != '/')
        start--;
    directory->base.name = mem_alloc(len - start + 1);
    memcpy(directory->base.name, label + start, len - start);
    return &directory->base;
}
