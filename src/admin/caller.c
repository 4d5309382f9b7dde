/* SPDX-License-Identifier: Apache-2.0
 * L5: root as the owner of a store and as itself in turn. */
#include "admin/caller.h"

#include "admin/admin.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    bool is_lent;
    uid_t uid;
    gid_t gid;
} owner;

/* Only the effective ids: the real ones let root come back. */
static int become_owner(void)
{
    return setegid(owner.gid) < 0 || seteuid(owner.uid) < 0 ? -1 : 0;
}

int caller_lend(const struct conf *conf, struct err *err)
{
    struct stat st;

    if (geteuid() != 0 || admin_stat_store(conf, &st) < 0 || st.st_uid == 0)
        return 0;
    owner.uid = st.st_uid;
    owner.gid = st.st_gid;
    const struct passwd *user = getpwuid(st.st_uid);
    int groups = user ? initgroups(user->pw_name, st.st_gid) : setgroups(1, &st.st_gid);
    if (groups < 0 || become_owner() < 0)
        return err_sys(err, errno, "become the owner of %s", conf->root);
    owner.is_lent = true;
    return 0;
}

/* Going on as the wrong user would be worse than ending. */
void caller_begin(void)
{
    if (owner.is_lent && (seteuid(0) < 0 || setegid(0) < 0))
        abort();
}

void caller_end(void)
{
    if (owner.is_lent && become_owner() < 0)
        abort();
}
