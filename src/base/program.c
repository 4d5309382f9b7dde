/* SPDX-License-Identifier: Apache-2.0
 * L0: finding programs of ours. */
#include "base/program.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Sets path to a file in the directory that this program is in. */
static bool beside(struct buf *path, const char *file)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len <= 0)
        return false;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    buf_clear(path);
    buf_add(path, self, (size_t)(slash - self) + 1);
    buf_addstr(path, file);
    return true;
}

int program_own(struct buf *path, const char *name, struct err *err)
{
    if (beside(path, name) && access(path->s, X_OK) == 0)
        return 0;
    buf_clear(path);
    buf_addf(path, PKGLIBEXECDIR "/%s", name);
    if (access(path->s, X_OK) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "%s is missing: install berth again", path->s);
}
