/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what stands at a path. */
#include "fsck/fsck_look.h"

#include "store/layout.h"

#include <string.h>

enum fsck_type fsck_look_type_by(const struct stat *st)
{
    return S_ISREG(st->st_mode)   ? FSCK_FILE
           : S_ISDIR(st->st_mode) ? FSCK_DIRECTORY
           : S_ISLNK(st->st_mode) ? FSCK_SYMLINK_TYPE
                                  : FSCK_OTHER;
}

int fsck_look_stat(struct fsck *fsck, const char *path, struct stat *st)
{
    struct err err;

    return fsck_run_saw(fsck, path, fs_stat(&fsck->store->fs, path, st, &err), &err);
}

enum fsck_type fsck_look_type(struct fsck *fsck, const char *path)
{
    struct stat st;

    int found = fsck_look_stat(fsck, path, &st);
    if (found == 0)
        return FSCK_ABSENT;
    return found < 0 ? FSCK_OTHER : fsck_look_type_by(&st);
}

bool fsck_look_any_part(struct fsck *fsck, const char *path,
                        bool (*test)(struct fsck *fsck, const char *part, bool last))
{
    struct layout_path part;

    for (size_t len = 0; len < sizeof part.s - 1; len++) {
        if (path[len] == '/' || path[len] == '\0') {
            memcpy(part.s, path, len);
            part.s[len] = '\0';
            if (test(fsck, part.s, path[len] == '\0'))
                return true;
        }
        if (path[len] == '\0')
            return false;
    }
    return true;
}

static bool obscures(struct fsck *fsck, const char *part, bool last)
{
    struct stat st;

    int found = fsck_look_stat(fsck, part, &st);
    if (found <= 0)
        return found < 0;
    return last ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode);
}

bool fsck_look_obscured(struct fsck *fsck, const char *path)
{
    return fsck_look_any_part(fsck, path, obscures);
}

bool fsck_look_link(struct fsck *fsck, const char *path)
{
    return fsck_look_type(fsck, path) == FSCK_FILE;
}

bool fsck_look_blob(struct fsck *fsck, const struct digest *digest)
{
    struct layout_path path;

    return fsck_look_type(fsck, layout_blob(&path, digest)) == FSCK_FILE;
}

bool fsck_look_absent(struct fsck *fsck, const char *path)
{
    return fsck_look_type(fsck, path) == FSCK_ABSENT && !fsck_look_obscured(fsck, path);
}
