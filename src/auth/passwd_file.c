/* SPDX-License-Identifier: Apache-2.0
 * L2: changing an htpasswd file, for `berth user`. */
#include "auth/passwd.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool line_is_of(const char *line, const char *user)
{
    size_t len = strlen(user);

    return !strncmp(line, user, len) && line[len] == ':';
}

/* Copies all lines but the user's; 1 if he had one. A file that is not there has no lines. */
static int copy_without(const char *path, const char *user, struct buf *text, struct err *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    int had = 0;

    if (!file)
        return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", path);
    while (getline(&line, &size, file) >= 0) {
        if (line_is_of(line, user)) {
            had = 1;
            continue;
        }
        buf_addstr(text, line);
        if (text->len && text->s[text->len - 1] != '\n')
            buf_addc(text, '\n');
    }
    int failed = ferror(file);
    free(line);
    fclose(file);
    return failed ? err_set(err, ERR_IO, "%s cannot be read", path) : had;
}

static int write_synced(int fd, const struct buf *text, const struct stat *like, struct err *err)
{
    if (fs_pwrite_all(fd, text->s, text->len, 0, err) < 0)
        return -1;
    if (fchmod(fd, like->st_mode & 07777) < 0 || fchown(fd, like->st_uid, like->st_gid) < 0 ||
        fsync(fd) < 0)
        return err_sys(err, errno, "write the new password file");
    return 0;
}

/* The web server reads the file at any time: it gets the old or the new one. */
static int replace(const char *path, const struct buf *text, struct err *err)
{
    struct stat like = {.st_mode = 0640, .st_uid = geteuid(), .st_gid = getegid()};
    AUTO_BUF tmp = BUF_INIT;

    stat(path, &like); /* a new file is made with the values above */
    buf_addf(&tmp, "%s.XXXXXX", path);
    AUTO_FD fd = mkostemp(tmp.s, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "create %s", tmp.s);
    int result = write_synced(fd, text, &like, err);
    if (result == 0 && rename(tmp.s, path) < 0)
        result = err_sys(err, errno, "replace %s", path);
    if (result < 0)
        unlink(tmp.s);
    return result;
}

/* htpasswd(1) has no way to quote them. */
static int check_user(const char *user, struct err *err)
{
    if (*user == '\0' || strlen(user) > 255 || strpbrk(user, ":\r\n") || *user == '#')
        return err_set(err, ERR_USAGE, "\"%.40s\" is no user name: up to 255 bytes without a colon",
                       user);
    return 0;
}

int passwd_set(const char *path, const char *user, const char *hash, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    if (check_user(user, err) < 0 || copy_without(path, user, &text, err) < 0)
        return -1;
    buf_addf(&text, "%s:%s\n", user, hash);
    return replace(path, &text, err);
}

int passwd_remove(const char *path, const char *user, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, "");
    int had = copy_without(path, user, &text, err);
    if (had <= 0)
        return had;
    return replace(path, &text, err) < 0 ? -1 : 1;
}

int passwd_users(const char *path, struct fs_names *users, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    char *save;

    buf_addstr(&text, "");
    if (copy_without(path, ":", &text, err) < 0)
        return -1;
    for (char *line = strtok_r(text.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *colon = strchr(line, ':');
        if (*line == '#' || !colon)
            continue;
        *colon = '\0';
        fs_names_add(users, line);
    }
    fs_names_sort(users);
    return 0;
}
