/* SPDX-License-Identifier: Apache-2.0
 * L2: removing whole directories at once. */
#include "store/trash.h"

#include "base/dir.h"
#include "store/layout.h"

int trash_move(const struct store *store, const char *path, struct strings *trash,
               struct dirty *dirty, struct err *err)
{
    struct layout_path to;

    int moved = fs_take(&store->fs, path, layout_tmp(&to), dirty, err);
    if (moved > 0)
        strings_add(trash, to.s);
    return moved;
}

int trash_empty(const struct store *store, struct strings *trash, struct err *err)
{
    int result = 0;

    for (size_t i = 0; i < trash->n && result == 0; i++)
        result = dir_remove_tree(&store->fs, trash->v[i], err) < 0 ? -1 : 0;
    strings_free(trash);
    return result;
}
