/* SPDX-License-Identifier: Apache-2.0
 * L5: an htpasswd file where there is none, in the place of a registry:2. */
#include "serve/first_login.h"

#include "auth/passwd.h"
#include "base/base64.h"
#include "base/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD_BYTES 32 /* and the cost of bcrypt: as registry:2 */
#define COST 10

static int refuse(const char *path, const char *why, struct err *err)
{
    return err_set(
        err, ERR_CONFIG,
        "auth.htpasswd.path: %s is missing, and user %ld cannot make it: %s: mount it there "
        "(`htpasswd -Bbn USER PASSWORD` prints its lines), or name another with "
        "REGISTRY_AUTH_HTPASSWD_PATH",
        path, (long)geteuid(), why);
}

/* Nobody has it but the owner of the data directory, as whom root is about to serve; nor does that
 * one get another file, by a link in a directory that is his already. */
static bool give(const char *path, const struct stat *to)
{
    return geteuid() != 0 || to->st_uid == 0 || lchown(path, to->st_uid, to->st_gid) == 0;
}

static bool make_parents(const char *path, const struct stat *to)
{
    AUTO_BUF parent = BUF_INIT;

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        buf_clear(&parent);
        buf_add(&parent, path, (size_t)(slash - path));
        if (mkdir(parent.s, 0700) == 0 ? !give(parent.s, to) : errno != EEXIST)
            return false;
    }
    return true;
}

static int make_entry(struct buf *password, struct buf *entry, struct err *err)
{
    unsigned char bytes[PASSWORD_BYTES];
    AUTO_BUF hash = BUF_INIT;

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    base64_encode_url(password, bytes, sizeof bytes);
    if (passwd_hash(password->s, COST, &hash, err) < 0)
        return -1;
    buf_addf(entry, FIRST_LOGIN_USER ":%s\n", hash.s);
    return 0;
}

int first_login_make(const char *path, const char *root, struct buf *password, struct err *err)
{
    struct stat to = {0};
    struct err why;
    AUTO_BUF entry = BUF_INIT;

    if (!*path || access(path, F_OK) == 0 || errno != ENOENT)
        return 0;
    if (stat(root, &to) < 0)
        to = (struct stat){0};
    if (!make_parents(path, &to))
        return refuse(path, strerror(errno), err);
    if (make_entry(password, &entry, err) < 0)
        return -1;
    if (file_create(path, 0600, (gid_t)-1, entry.s, entry.len, &why) < 0) {
        buf_clear(password);
        return why.sys == EEXIST ? 0 : refuse(path, why.msg, err); /* another was faster */
    }
    return give(path, &to) ? 1 : err_sys(err, errno, "chown %s", path);
}
