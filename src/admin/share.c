/* SPDX-License-Identifier: Apache-2.0
 * L6: for whom a file with passwords or keys is. */
#include "admin/share.h"

#include "admin/open.h"
#include "base/decimal.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of a store that is not made yet, its directory's. */
static gid_t group_of_store(const struct config *conf)
{
    struct stat st;

    if (geteuid() != 0 || !conf ||
        (open_stat(conf, &st) < 0 && stat(conf->frozen.store.root, &st) < 0))
        return SHARE_NOBODY;
    return st.st_gid == 0 ? SHARE_NOBODY : st.st_gid;
}

int share_group(const char *name, const struct config *conf, gid_t *group, struct err *err)
{
    int64_t number;

    if (!name) {
        *group = group_of_store(conf);
        return 0;
    }
    const struct group *known = getgrnam(name);
    if (known)
        *group = known->gr_gid;
    else if (decimal_parse(name, strlen(name), &number) && number < UINT32_MAX)
        *group = (gid_t)number;
    else
        return err_set(err, ERR_USAGE, "--group %s: there is no such group", name);
    return 0;
}

int share_give(const char *path, gid_t group, struct err *err)
{
    if (group == SHARE_NOBODY || chown(path, (uid_t)-1, group) == 0)
        return 0;
    return err_sys(err, errno, "give %s to group %ld", path, (long)group);
}

void share_say(const char *path, gid_t group)
{
    const struct group *known = group == SHARE_NOBODY ? NULL : getgrgid(group);
    struct stat st;

    if (known)
        fprintf(stderr, "berth: %s is for group %s to read\n", path, known->gr_name);
    else if (group != SHARE_NOBODY)
        fprintf(stderr, "berth: %s is for group %ld to read\n", path, (long)group);
    else if (geteuid() == 0 && stat(path, &st) == 0 && st.st_uid == 0 && st.st_gid == 0)
        fprintf(stderr,
                "berth: %s is for root only: if the registry runs as another user, give it to that "
                "group with chgrp -R GROUP %s, or say --group\n",
                path, path);
}
