/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of an open directory, by the kernel's own call: opendir(3) needs three more for each
 * directory, of which a store has very many.
 */
#ifndef BERTH_BASE_DIR_READ_H
#define BERTH_BASE_DIR_READ_H

#include <dirent.h>
#include <stdalign.h>
#include <stddef.h>

struct dir_read {
    int fd;
    int failed; /* errno */
    size_t at, len;
    alignas(struct dirent64) char bytes[32768];
};

/* fd stays the caller's. */
void dir_read_start(struct dir_read *read, int fd);
/* The next one, also `.` and `..`, valid until the next call. NULL: the end, or *failed is set. */
const struct dirent64 *dir_read_next(struct dir_read *read);

#endif
