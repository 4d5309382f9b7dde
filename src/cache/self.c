/* SPDX-License-Identifier: Apache-2.0
 * L3: how this registry is known to itself. Owns _berth/fetch/self. */
#include "cache/self.h"

#include "base/dir.h"
#include "base/fs.h"
#include "base/uuid.h"
#include "cache/place.h"
#include "http/via.h"
#include "store/layout.h"

#include <string.h>

#define MARK "berth-"

static bool read_name(const struct store *store, struct buf *name)
{
    struct place place;
    AUTO_BUF id = BUF_INIT;

    if (fs_read(&store->fs, place_self(&place), UUID_SIZE, &id, NULL) != 1 ||
        !uuid_valid(id.s, id.len))
        return false;
    buf_addf(name, MARK "%s", id.s);
    return true;
}

bool self_name(const struct store *store, struct buf *name)
{
    struct place place;
    struct layout_path tmp;
    char id[UUID_SIZE];
    AUTO_DIRTY dirty = {0};

    if (read_name(store, name))
        return true;
    uuid_make(id);
    /* Of two who do this at once the last one counts, for the other as well. */
    return fs_replace(&store->fs, layout_tmp(&tmp), place_self(&place), id, strlen(id), &dirty,
                      NULL) == 0 &&
           read_name(store, name);
}

bool self_asks(const struct store *store, const char *via)
{
    AUTO_BUF name = BUF_INIT;

    return via && strstr(via, MARK) && read_name(store, &name) && via_names(via, name.s);
}
