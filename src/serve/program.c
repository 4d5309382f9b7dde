/* SPDX-License-Identifier: Apache-2.0
 * L5: finding programs. */
#include "serve/program.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FCGI "berth.fcgi"

static bool is_program(const struct buf *path)
{
    return access(path->s, X_OK) == 0;
}

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

int program_fcgi(struct buf *path, struct err *err)
{
    if (beside(path, FCGI) && is_program(path))
        return 0;
    buf_clear(path);
    buf_addstr(path, PKGLIBEXECDIR "/" FCGI);
    if (is_program(path))
        return 0;
    return err_set(err, ERR_CONFIG, "%s is missing: install berth again", path->s);
}

static bool find_in(struct buf *path, const char *dirs, const char *name)
{
    while (*dirs) {
        size_t len = strcspn(dirs, ":");
        buf_clear(path);
        buf_add(path, dirs, len);
        buf_addf(path, "/%s", name);
        if (len > 0 && is_program(path))
            return true;
        dirs += len + (dirs[len] == ':');
    }
    return false;
}

bool program_find(struct buf *path, const char *name)
{
    const char *dirs = getenv("PATH");

    return find_in(path, dirs ? dirs : "", name) ||
           find_in(path, "/usr/local/sbin:/usr/sbin:/sbin", name);
}
