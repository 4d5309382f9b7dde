/* SPDX-License-Identifier: Apache-2.0
 * L0: a file to which many processes append lines. */
#include "base/line_file.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0640

static void say(struct line_file *file, const char *what, int errnum)
{
    struct err err = {0};

    err_sys(&err, errnum, "%s %s", what, file->path);
    if (strcmp(file->said, err.msg) != 0)
        log_error("%s: lines are lost until that is cured", err.msg);
    memcpy(file->said, err.msg, sizeof file->said);
}

static void open_again(struct line_file *file)
{
    struct stat st;

    file_close(&file->fd);
    file->fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, MODE);
    if (file->fd < 0 || fstat(file->fd, &st) < 0) {
        say(file, "open", errno);
        file_close(&file->fd);
        return;
    }
    file->device = st.st_dev;
    file->inode = st.st_ino;
}

void line_file_open(struct line_file *file, const char *path)
{
    *file = (struct line_file){.path = mem_strdup(path), .fd = -1};
    open_again(file);
}

void line_file_close(struct line_file *file)
{
    file_close(&file->fd);
    free(file->path);
    *file = (struct line_file){.fd = -1};
}

static int is_current(const struct line_file *file)
{
    struct stat st;

    return file->fd >= 0 && stat(file->path, &st) == 0 && st.st_dev == file->device &&
           st.st_ino == file->inode;
}

void line_file_add(struct line_file *file, const char *text, size_t len)
{
    if (!file->path)
        return;
    if (!is_current(file))
        open_again(file);
    if (file->fd < 0)
        return;
    ssize_t written = write(file->fd, text, len);
    if (written == (ssize_t)len)
        file->said[0] = '\0';
    else
        say(file, "write to", written < 0 ? errno : ENOSPC);
}
