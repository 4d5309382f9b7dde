/* SPDX-License-Identifier: Apache-2.0
 * L0: what the system does not let this process do. */
#include "base/may.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* By name, or by number where there is none. */
static void add_name(uid_t uid, struct buf *out)
{
    const struct passwd *user = getpwuid(uid);

    if (user)
        buf_addstr(out, user->pw_name);
    else
        buf_addf(out, "%ld", (long)uid);
}

static void add_user(struct buf *out)
{
    add_name(geteuid(), out);
}

/* True, with its owner, if that is somebody else, and not root. */
static bool add_owner(const char *directory, struct buf *out)
{
    struct stat st;

    if (stat(directory, &st) < 0 || st.st_uid == geteuid() || st.st_uid == 0)
        return false;
    add_name(st.st_uid, out);
    return true;
}

static void add_group(struct buf *out)
{
    const struct group *group = getgrgid(getegid());

    if (group)
        buf_addstr(out, group->gr_name);
    else
        buf_addf(out, "%ld", (long)getegid());
}

static bool is_refused(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0 && errno == EACCES;
}

/* Of the directories on the way, the first that this process may not enter. */
static bool find_closed(const char *path, struct buf *closed)
{
    for (const char *c = path; *c != '\0' && (c = strchr(c + 1, '/'));) {
        buf_clear(closed);
        buf_add(closed, path, (size_t)(c - path));
        if (is_refused(closed->s, X_OK))
            return true;
    }
    return false;
}

int may_read(const char *path, struct err *err)
{
    struct stat st;
    AUTO_BUF closed = BUF_INIT;
    AUTO_BUF cure = BUF_INIT;
    AUTO_BUF user = BUF_INIT;

    if (find_closed(path, &closed)) {
        buf_addf(&cure, "let it enter %s, as by `chmod o+x %s`, or keep it elsewhere", closed.s,
                 closed.s);
    } else {
        bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        if (!is_refused(path, is_directory ? R_OK | X_OK : R_OK))
            return 0;
        buf_addf(&cure, "as root: `chgrp %s", is_directory ? "-R " : "");
        add_group(&cure);
        buf_addf(&cure, " %s && chmod g+r%s %s`", path, is_directory ? "X" : "", path);
    }
    add_user(&user);
    return err_set(err, ERR_CONFIG, "%s: %s: user %s cannot read it: %s", path, strerror(EACCES),
                   user.s, cure.s);
}

int may_not_write(const char *directory, int errnum, struct err *err)
{
    AUTO_BUF user = BUF_INIT;
    AUTO_BUF owner = BUF_INIT;
    AUTO_BUF cure = BUF_INIT;

    add_user(&user);
    if (errnum == EROFS) {
        buf_addstr(&cure, "mount it to be written, or set readonly = true in berth.conf");
    } else {
        buf_addf(&cure, "make that possible, as root by `%s %s %s`, ",
                 access(directory, F_OK) < 0 && errno == ENOENT ? "install -d -o" : "chown -R",
                 user.s, directory);
        if (add_owner(directory, &owner))
            buf_addf(&cure, "or run it as %s, to whom it belongs, ", owner.s);
        buf_addstr(&cure, "or name another directory with root in berth.conf, or --root");
    }
    err_set(err, ERR_IO, "user %s cannot write to %s: %s: %s", user.s, directory, strerror(errnum),
            cure.s);
    if (err)
        err->sys = errnum;
    return -1;
}

int may_not_use(const char *directory, int errnum, struct err *err)
{
    AUTO_BUF user = BUF_INIT;
    AUTO_BUF owner = BUF_INIT;

    add_user(&user);
    bool is_known = add_owner(directory, &owner);
    err_set(err, ERR_IO, "user %s may not do this in %s: %s: run it as root%s%s", user.s, directory,
            strerror(errnum), is_known ? ", or as its owner, " : "", is_known ? owner.s : "");
    if (err)
        err->sys = errnum;
    return -1;
}

void may_hint(const char *directory, const struct err *err, struct buf *out)
{
    if (err->sys != EACCES && err->sys != EPERM)
        return;
    buf_addstr(out, ": user ");
    add_user(out);
    buf_addf(out, " may not: all in %s is to belong to it, as root: `chown -R ", directory);
    add_user(out);
    buf_addf(out, " %s`", directory);
}
