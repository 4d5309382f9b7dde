/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: the logins that lighttpd checks. */
#include "serve/serve.h"

#include "base/file.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void login_free(struct serve_login *login)
{
    buf_free(&login->file);
}

/* What can stand between quotes in lighttpd's configuration and in a header, as it is. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

/* lighttpd opens it at each login. */
static int set_file(struct serve_login *login, const char *path, struct err *err)
{
    if (file_absolute(path, &login->file, err) < 0)
        return -1;
    if (!*path || !is_plain(login->file.s))
        return err_set(err, ERR_USAGE,
                       "--htpasswd: lighttpd takes no quotes, backslashes or control characters "
                       "in the path of the file");
    return 0;
}

int login_prepare(const struct serve_options *options, const struct config *conf,
                  struct serve_login *login, struct err *err)
{
    bool own = config_checks_logins(&conf->live);

    login->any = own || options->htpasswd;
    login->realm = options->realm ? options->realm : conf->live.passwd.realm;
    if (!options->htpasswd)
        return options->realm ? err_set(err, ERR_USAGE, "--realm belongs to --htpasswd") : 0;
    if (own)
        return err_set(err, ERR_CONFIG,
                       "--htpasswd: the configuration has htpasswd, token_keys or an issuer, so "
                       "berth checks logins itself: set htpasswd there instead");
    if (!*login->realm || !is_plain(login->realm))
        return err_set(err, ERR_USAGE,
                       "the realm may hold no quotes, backslashes or control "
                       "characters, and not be empty");
    return set_file(login, options->htpasswd, err);
}

int login_check(const struct serve_login *login, struct err *err)
{
    struct stat st;

    if (!login->file.len)
        return 0;
    AUTO_FD fd = open(login->file.s, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EACCES)
        return err_set(err, ERR_CONFIG,
                       "--htpasswd %s: user %ld, as whom lighttpd runs, may not read it: give "
                       "it and its directories to a group of that user",
                       login->file.s, (long)geteuid());
    if (fd < 0 || fstat(fd, &st) < 0) {
        int errnum = errno;
        return err_set(err, ERR_CONFIG, "--htpasswd %s: %s%s", login->file.s, strerror(errnum),
                       errnum == ENOENT ? ": make it with `berth user add`" : "");
    }
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "--htpasswd %s: not a plain file", login->file.s);
    return 0;
}
