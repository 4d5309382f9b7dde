/* SPDX-License-Identifier: Apache-2.0
 * L5: finding programs. */
#include "serve/program.h"

#include "base/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_program(const struct buf *path)
{
    return access(path->s, X_OK) == 0;
}

int program_fcgi(struct buf *path, struct err *err)
{
    return program_own(path, "berth.fcgi", err);
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
