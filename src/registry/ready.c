/* SPDX-License-Identifier: Apache-2.0
 * L3: whether a store could take a push at this moment. */
#include "registry/ready.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A path leads somewhere else once something was mounted there, or a mount has gone. */
static int check_same(const struct ready_plan *plan, const struct store *now, struct err *why)
{
    const struct store *then = plan->store;
    struct stat was, is;

    if (then->id[0] && strcmp(then->id, now->id) != 0)
        return err_set(why, ERR_UNREACHABLE, "%s is another store than before", now->path);
    /* One that hosts share is opened again where it was lost: its id is what counts. */
    if (then->shared || then->lost)
        return 0;
    if (fstat(then->fs.fd, &was) < 0 || fstat(now->fs.fd, &is) < 0)
        return err_sys(why, errno, "%s", now->path);
    if (was.st_dev != is.st_dev || was.st_ino != is.st_ino)
        return err_set(why, ERR_UNREACHABLE,
                       "%s is another directory than the one that is served: was something mounted "
                       "or unmounted there? Start berth again",
                       now->path);
    return 0;
}

static enum ready check_room(const struct ready_plan *plan, const struct store *now,
                             struct err *why)
{
    struct statvfs st;

    if (fstatvfs(now->fs.fd, &st) < 0) {
        err_sys(why, errno, "%s", now->path);
        return READY_NOT_REACHED;
    }
    /* Some file systems count no files. */
    if (st.f_files > 0 && st.f_favail == 0) {
        err_set(why, ERR_NO_SPACE, "%s: no more files can be made on its file system", now->path);
        return READY_NO_ROOM;
    }
    if ((uint64_t)st.f_bavail * st.f_frsize >= (uint64_t)plan->room)
        return READY;
    err_set(why, ERR_NO_SPACE, "%s: %ju bytes are free, fewer than ready_room = %jd", now->path,
            (uintmax_t)st.f_bavail * st.f_frsize, (intmax_t)plan->room);
    return READY_NO_ROOM;
}

static enum ready check_write(const struct store *now, struct err *why)
{
    AUTO_FD fd = -1;

    if (store_scratch(now, &fd, why) == 0) {
        if (write(fd, "", 1) == 1)
            return READY;
        err_sys(why, errno, "write to %s", now->path);
    }
    return why->code == ERR_NO_SPACE ? READY_NO_ROOM : READY_NOT_WRITABLE;
}

static enum ready look(const struct ready_plan *plan, const struct store *now, struct err *why)
{
    if (check_same(plan, now, why) < 0)
        return READY_NOT_REACHED;
    if (!plan->write)
        return READY;
    enum ready room = check_room(plan, now, why);
    return room == READY ? check_write(now, why) : room;
}

/* A process that has opened nothing before makes what is not there, as it would for any request. */
static int open_now(const struct ready_plan *plan, struct store *now, struct err *why)
{
    if (plan->store->path)
        return store_open(now, plan->settings, false, why);
    if (store_open(now, plan->settings, true, why) == 0)
        return 0;
    return why->code == ERR_READ_ONLY ? store_open(now, plan->settings, false, why) : -1;
}

enum ready ready_look(const struct ready_plan *plan, struct err *why)
{
    struct store now;

    if (open_now(plan, &now, why) < 0)
        return READY_NOT_REACHED;
    enum ready result = look(plan, &now, why);
    store_close(&now);
    return result;
}
