/* SPDX-License-Identifier: Apache-2.0
 * L4: import: a source from what somebody opened. */
#include "transfer/source_open.h"

#include "base/fs.h"
#include "transfer/source_directory.h"
#include "transfer/source_tar.h"

#include <errno.h>

int source_open(struct source **source, int fd, const char *label, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        err_sys(err, errno, "%s", label);
        file_close(&fd);
        return -1;
    }
    *source = S_ISDIR(st.st_mode) ? source_directory_new(fd, label) : source_tar_new(fd, label);
    return 0;
}
