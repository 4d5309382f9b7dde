/* SPDX-License-Identifier: Apache-2.0
 * L0: a file to which many processes append lines. */
#include "base/line_file.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* To be read as well, for is_cut; but not a pipe, whose reader would not be missed then. */
static int open_path(const char *path)
{
    const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    struct stat st;

    bool is_special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    int fd = is_special ? -1 : open(path, O_RDWR | flags, MODE);
    return is_special || (fd < 0 && errno == EACCES) ? open(path, O_WRONLY | flags, MODE) : fd;
}

static void open_again(struct line_file *file)
{
    struct stat st;

    file_close(&file->fd);
    file->fd = open_path(file->path);
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

/* Whether the file ends within a line, and where. */
static bool ends_in_line(int fd, off_t *end)
{
    struct stat st;
    char last;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return false;
    *end = st.st_size;
    return pread(fd, &last, 1, *end - 1) == 1 && last != '\n';
}

/* Whether the last line has no end, since the disk was full. It cannot be taken back: others append
 * meanwhile. A line of which somebody else has written one page by now looks like it, but is longer
 * once fallocate(2), which changes nothing here, has waited for the kernel's lock of the file. */
static bool is_cut(const struct line_file *file)
{
    off_t before, after;

    if (!ends_in_line(file->fd, &before))
        return false;
    (void)fallocate(file->fd, FALLOC_FL_KEEP_SIZE, 0, 1);
    return ends_in_line(file->fd, &after) && after == before;
}

void line_file_add(struct line_file *file, const char *text, size_t len)
{
    AUTO_BUF own_line = BUF_INIT;

    if (!file->path)
        return;
    if (!is_current(file))
        open_again(file);
    if (file->fd < 0)
        return;
    if (is_cut(file)) {
        buf_addc(&own_line, '\n');
        buf_add(&own_line, text, len);
        text = own_line.s;
        len = own_line.len;
    }
    ssize_t written = write(file->fd, text, len);
    if (written == (ssize_t)len)
        file->said[0] = '\0';
    else
        say(file, "write to", written < 0 ? errno : ENOSPC);
}
