/* SPDX-License-Identifier: Apache-2.0
 * L6: where `berth export` writes. */
#include "admin/export_file.h"

#include "admin/caller.h"
#include "base/file.h"
#include "base/fs.h"
#include "base/mem.h"
#include "transfer/output_directory.h"
#include "transfer/output_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct partial_rights as_caller = {caller_begin, caller_end};

static const char *label_of(const struct export_file *file)
{
    return file->path ? file->path : "standard output";
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int open_directory(struct export_file *file, struct err *err)
{
    file->made = mkdir(file->path, 0777) == 0;
    if (file->made || errno == EEXIST)
        file->fd = open(file->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->fd < 0 ? err_sys(err, errno, "%s", file->path) : 0;
}

static int open_plain(struct export_file *file, struct err *err)
{
    const char *base = base_of(file->path);
    AUTO_BUF dir = BUF_INIT;
    char prefix[NAME_MAX];

    buf_add(&dir, file->path, (size_t)(base - file->path));
    file->dir = open(dir.len ? dir.s : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->dir < 0)
        return err_sys(err, errno, "the directory of %s", file->path);
    snprintf(prefix, sizeof prefix, "%.200s.", base);
    partial_clean(file->dir, prefix, &as_caller);
    return partial_create(&file->partial, file->dir, prefix, &as_caller, err);
}

/* Pipes, terminals and tapes are written to as they are. */
static int open_any(struct export_file *file, struct err *err)
{
    struct stat st;

    bool there = stat(file->path, &st) == 0;
    file->is_directory =
        there ? S_ISDIR(st.st_mode) : *file->path && file->path[strlen(file->path) - 1] == '/';
    if (file->is_directory)
        return open_directory(file, err);
    if (!there || S_ISREG(st.st_mode))
        return open_plain(file, err);
    file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
    return file->fd < 0 ? err_sys(err, errno, "%s", file->path) : 0;
}

/* Behind a link, such as /dev/stdout, is what is to be written, not in the link's place. */
int export_file_open(struct export_file *file, const char *path, struct err *err)
{
    *file = (struct export_file){.fd = -1, .partial = {.fd = -1}, .dir = -1};
    if (!path)
        return 0;
    file->packing = archive_packing_of(path);
    file->path = realpath(path, NULL);
    if (!file->path)
        file->path = mem_strdup(path);
    return open_any(file, err);
}

int export_file_output(struct export_file *file, bool sync, struct output **output, struct err *err)
{
    int fd = file->fd >= 0 ? file->fd : file->path ? file->partial.fd : STDOUT_FILENO;

    if (file->is_directory) {
        file->fd = -1;
        return output_directory_open(output, fd, label_of(file), sync, &as_caller, err);
    }
    *output = output_tar_new(fd, label_of(file), file->packing);
    return 0;
}

int export_file_commit(struct export_file *file, bool sync, struct err *err)
{
    struct err failure;

    file->made = false;
    if (file->partial.fd < 0)
        return 0;
    if (partial_commit(&file->partial, file->dir, base_of(file->path), sync, &failure) < 0)
        return err_set(err, failure.code, "%s: %s", file->path, failure.msg);
    if (sync && file_sync(file->dir) < 0 && errno != EINVAL)
        return err_sys(err, errno, "fsync the directory of %s", file->path);
    return 0;
}

void export_file_close(struct export_file *file)
{
    partial_abandon(&file->partial);
    file_close(&file->dir);
    file_close(&file->fd);
    if (file->made) {
        caller_begin();
        rmdir(file->path);
        caller_end();
    }
    free(file->path);
}
