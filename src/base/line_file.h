/* SPDX-License-Identifier: Apache-2.0
 *
 * A file to which many processes append lines, and which others rotate: it is opened anew as soon
 * as another file stands at its path, or none.
 *
 * No lock: a line is one write(2) with O_APPEND. Of a line for which the disk has not enough room a
 * part may stay; the next one, whoever writes it, begins a line of its own (in a file that may be
 * read: else it is glued to that part). Of several that come next, one may leave an empty line.
 */
#ifndef BERTH_BASE_LINE_FILE_H
#define BERTH_BASE_LINE_FILE_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

struct line_file {
    char *path;
    int fd; /* -1: it cannot be opened, and is tried again at the next line */
    dev_t device;
    ino_t inode;
    char said[sizeof((struct err *)NULL)->msg]; /* to the log, of what failed last */
};

/* path is absolute. Where it cannot be opened the log says so, now and once. */
void line_file_open(struct line_file *file, const char *path);
void line_file_close(struct line_file *file);
/* Appends, in one write(2), text that ends in a newline. What fails is said to the log, once. */
void line_file_add(struct line_file *file, const char *text, size_t len);

#endif
