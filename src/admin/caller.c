/* SPDX-License-Identifier: Apache-2.0
 * L6: root as the owner of a store and as itself in turn. */
#include "admin/caller.h"

#include "admin/open.h"
#include "base/owner.h"

int caller_lend(const struct config *conf, struct err *err)
{
    struct stat st;

    return open_stat(conf, &st) < 0 ? 0 : owner_lend(&st, conf->frozen.store.root, err);
}

void caller_begin(void)
{
    owner_pause();
}

void caller_end(void)
{
    owner_resume();
}
