/* SPDX-License-Identifier: Apache-2.0
 * L2: changing an htpasswd file, for `berth user`. */
#include "auth/passwd_file.h"

#include "auth/passwd.h"
#include "base/file.h"
#include "base/fs_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE_MODE 0640
#define LOCK_TIMEOUT_MS 10000

/* An htpasswd file that is to be changed. */
struct target {
    char path[PATH_MAX]; /* no symbolic link */
    int fd;              /* holds the lock */
    bool is_new;         /* was made for the lock, and is empty still */
    struct stat st;
};

/* 0: it is not there. Where a link leads nowhere, nobody knows where a file is wanted. */
static int resolve(struct target *target, const char *path, struct err *err)
{
    struct stat st;

    if (realpath(path, target->path))
        return 1;
    if (errno != ENOENT || lstat(path, &st) == 0)
        return err_sys(err, errno, "open %s", path);
    if (snprintf(target->path, sizeof target->path, "%s", path) >= (int)sizeof target->path)
        return err_sys(err, ENAMETOOLONG, "open %s", path);
    return 0;
}

/* Empty, and whole otherwise from the start: another may have the lock first. 0: it is there. */
static int create(struct target *target, gid_t group, struct err *err)
{
    struct err why;

    if (file_create(target->path, NEW_FILE_MODE, group, "", 0, &why) == 0)
        return 1;
    return why.sys == EEXIST ? 0 : err_set(err, why.code, "%s: %s", target->path, why.msg);
}

/* 1: locked; 0: somebody replaced the file before the lock was there, or it is gone. */
static int lock(struct target *target, struct err *err)
{
    struct stat now;

    target->fd = open(target->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (target->fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", target->path);
    int locked = fs_lock_wait(target->fd, FS_LOCK_EXCLUSIVE, LOCK_TIMEOUT_MS, err);
    if (locked <= 0)
        return locked < 0 ? -1
                          : err_set(err, ERR_BUSY, "somebody else is changing %s", target->path);
    if (fstat(target->fd, &target->st) < 0)
        return err_sys(err, errno, "stat %s", target->path);
    if (!S_ISREG(target->st.st_mode))
        return err_set(err, ERR_USAGE, "%s is no plain file", target->path);
    if (stat(target->path, &now) == 0 && now.st_dev == target->st.st_dev &&
        now.st_ino == target->st.st_ino)
        return 1;
    file_close(&target->fd);
    return 0;
}

/* Opens the file for a change. 1, or 0: it is not there. */
static int target_open(struct target *target, const char *path, struct err *err)
{
    for (;;) {
        int found = resolve(target, path, err);
        int locked = found > 0 ? lock(target, err) : found;
        if (found <= 0 || locked != 0)
            return locked;
    }
}

/* The same, and makes it where it is not there. */
static int target_make(struct target *target, const char *path, gid_t group, struct err *err)
{
    int found, made = 0;

    while ((found = target_open(target, path, err)) == 0 &&
           (made = create(target, group, err)) >= 0)
        ;
    target->is_new = found > 0 && made > 0 && target->st.st_size == 0;
    return made < 0 ? -1 : found;
}

/* What was made for the lock and then not filled goes again. */
static void target_close(struct target *target, bool done)
{
    if (target->is_new && !done)
        unlink(target->path);
    file_close(&target->fd);
}

static bool line_is_of(const char *line, const char *user)
{
    size_t len = strlen(user);

    return !strncmp(line, user, len) && line[len] == ':';
}

static int read_text(const char *path, struct buf *text, struct err *err)
{
    struct err why;

    buf_addstr(text, "");
    if (file_read(path, PASSWD_FILE_MAX, text, &why) == 0)
        return 0;
    return err_set(err, ERR_IO, "%s: %s", path, why.msg);
}

/* Copies all lines but the user's, in place of whose first one `entry` comes. 1: he had one. */
static int copy_lines(const char *path, const char *user, const char *entry, struct buf *out,
                      struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    size_t at = 0, begin = 0;
    char *line;
    int had = 0;

    if (read_text(path, &text, err) < 0)
        return -1;
    for (; (line = buf_line(&text, &at)); begin = at) {
        bool ended = text.s[at - 1] == '\0';
        if (line_is_of(line, user)) {
            buf_addstr(out, had ? "" : entry);
            had = 1;
        } else {
            buf_add(out, line, at - begin - ended);
            buf_addc(out, '\n');
        }
    }
    return had;
}

/* The web server reads the file at any time: it gets the old or the new one. */
static int replace(const struct target *target, const struct buf *text, struct err *err)
{
    struct err why;

    if (file_replace(target->path, &target->st, text->s, text->len, &why) == 0)
        return 0;
    return err_set(err, why.code, "%s: %s", target->path, why.msg);
}

/* htpasswd(1) has no way to quote them. */
static int check_entry(const char *user, const char *hash, struct err *err)
{
    if (*user == '\0' || strlen(user) > 255 || strpbrk(user, ":\r\n") || *user == '#')
        return err_set(err, ERR_USAGE, "\"%s\" is no user name: up to 255 bytes without a colon",
                       user);
    if (*hash == '\0' || strpbrk(hash, ": \t\r\n"))
        return err_set(err, ERR_USAGE, "that is no hash of a password");
    return 0;
}

static int check_presence(const char *path, const char *user, bool had, enum passwd_file_user which,
                          struct err *err)
{
    if (had && which == PASSWD_FILE_NEW)
        return err_set(err, ERR_USAGE,
                       "%s has the user \"%s\" already: `berth user passwd` changes the password",
                       path, user);
    if (!had && which == PASSWD_FILE_KNOWN)
        return err_set(err, ERR_NOT_FOUND, "%s has no user \"%s\"", path, user);
    return 0;
}

int passwd_file_set(const char *path, const char *user, const char *hash,
                    enum passwd_file_user which, gid_t group, struct err *err)
{
    struct target target = {.fd = -1};
    AUTO_BUF entry = BUF_INIT;
    AUTO_BUF text = BUF_INIT;

    if (check_entry(user, hash, err) < 0)
        return -1;
    buf_addf(&entry, "%s:%s\n", user, hash);
    int had = target_make(&target, path, group, err);
    if (had > 0)
        had = copy_lines(target.path, user, entry.s, &text, err);
    if (had == 0)
        buf_addstr(&text, entry.s);
    bool done = had >= 0 && check_presence(path, user, had, which, err) == 0 &&
                replace(&target, &text, err) == 0;
    target_close(&target, done);
    return done ? 0 : -1;
}

int passwd_file_check(const char *path, const char *user, enum passwd_file_user which,
                      struct err *err)
{
    AUTO_STRINGS users = {0};

    if (passwd_file_users(path, &users, err) < 0)
        return -1;
    return check_presence(path, user, strings_has(&users, user), which, err);
}

int passwd_file_remove(const char *path, const char *user, struct err *err)
{
    struct target target = {.fd = -1};
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, "");
    int result = target_open(&target, path, err);
    if (result > 0)
        result = copy_lines(target.path, user, "", &text, err);
    if (result > 0)
        result = replace(&target, &text, err) < 0 ? -1 : 1;
    target_close(&target, true);
    return result;
}

int passwd_file_users(const char *path, struct strings *users, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    size_t at = 0;
    char *line;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    if (read_text(path, &text, err) < 0)
        return -1;
    while ((line = buf_line(&text, &at))) {
        char *colon = strchr(line, ':');
        if (*line == '#' || !colon || colon == line)
            continue;
        *colon = '\0';
        if (!strings_has(users, line))
            strings_add(users, line);
    }
    strings_sort(users);
    return 0;
}
