/* SPDX-License-Identifier: Apache-2.0
 * L0: root as the owner of something. */
#include "base/owner.h"

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
} lent;

static int set_groups(const struct stat *st)
{
    const struct passwd *user = getpwuid(st->st_uid);

    return user ? initgroups(user->pw_name, st->st_gid) : setgroups(1, &st->st_gid);
}

/* Only the effective ids: the real ones let root come back. */
static int act_as_owner(void)
{
    return setegid(lent.gid) < 0 || seteuid(lent.uid) < 0 ? -1 : 0;
}

static int become(const struct stat *st, bool for_good)
{
    if (set_groups(st) < 0)
        return -1;
    if (!for_good) {
        lent.uid = st->st_uid;
        lent.gid = st->st_gid;
        return act_as_owner();
    }
    return setresgid(st->st_gid, st->st_gid, st->st_gid) < 0 ||
                   setresuid(st->st_uid, st->st_uid, st->st_uid) < 0
               ? -1
               : 0;
}

int owner_become(const struct stat *st, const char *what, struct err *err)
{
    if (geteuid() == 0 && become(st, true) < 0)
        return err_sys(err, errno, "become the owner of %s", what);
    return 0;
}

int owner_lend(const struct stat *st, const char *what, struct err *err)
{
    if (geteuid() != 0 || st->st_uid == 0)
        return 0;
    if (become(st, false) < 0)
        return err_sys(err, errno, "become the owner of %s", what);
    lent.is_lent = true;
    return 0;
}

/* Going on as the wrong user would be worse than ending. */
void owner_pause(void)
{
    if (lent.is_lent && (seteuid(0) < 0 || setegid(0) < 0))
        abort();
}

void owner_resume(void)
{
    if (lent.is_lent && act_as_owner() < 0)
        abort();
}
