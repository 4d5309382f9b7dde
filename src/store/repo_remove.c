/* SPDX-License-Identifier: Apache-2.0
 * L2: taking a repository out of the store. Owns repositories/<name> while it does. */
#include "store/repo_remove.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/fs_settle.h"
#include "store/layout.h"
#include "store/trash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int repo_remove_content(const struct store *store, const struct name *name, struct strings *trash,
                        struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    size_t before = trash->n;

    /* Others may have moved it away, and not synced that. */
    if (trash_move(store, layout_manifests(&path, name), trash, &dirty, err) < 0 ||
        fs_settle(&store->fs, path.s, &dirty, err) < 0 || dirty_sync(&store->fs, &dirty, err) < 0 ||
        trash_move(store, layout_referrers_index(&path, name), trash, &dirty, err) < 0 ||
        trash_move(store, layout_layers(&path, name), trash, &dirty, err) < 0 ||
        dirty_sync(&store->fs, &dirty, err) < 0)
        return -1;
    return trash->n > before;
}

int repo_remove_upload(const struct store *store, const struct name *name, const char *id,
                       struct strings *trash, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};
    AUTO_LOCKED_FD data = -1;

    /* Whoever has it open already finds out by a look at the name, once we let go of the lock. */
    int idle = fs_open(&store->fs, layout_upload(&path, name, id, "data"), O_RDWR, &data, err);
    if (idle > 0)
        idle = fs_lock_try(data, FS_LOCK_EXCLUSIVE, err);
    else if (idle == 0)
        idle = 1;
    if (idle > 0 && trash_move(store, layout_upload(&path, name, id, NULL), trash, &dirty, err) < 0)
        return -1;
    return idle;
}

int repo_remove_empty(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY unneeded = {0}; /* an empty one that comes back is none */

    layout_uploads(&path, name);
    while (strcmp(path.s, LAYOUT_REPOSITORIES) != 0) {
        if (dir_remove(&store->fs, path.s, &unneeded, err) < 0)
            return -1;
        *strrchr(path.s, '/') = '\0';
    }
    return 0;
}
