/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve in the place of a registry:2. */
#include "serve/stand_in.h"

#include "auth/key_set.h"
#include "auth/passwd.h"
#include "base/file.h"
#include "base/settings.h"
#include "serve/first_login.h"
#include "store/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* registry:2's image takes the file, `serve` or both; a file that was named has to be there. */
static int choose_file(char **args, const char **file, struct err *err)
{
    if (args[0] && (!strcmp(args[0], "serve") || args[1])) {
        if (strcmp(args[0], "serve") != 0)
            return err_set(err, ERR_USAGE,
                           "\"%s\" is no command of this one: `serve` is (in place of "
                           "garbage-collect there is `berth gc`, while it serves)",
                           args[0]);
        args++;
    }
    *file = args[0] ? args[0] : distribution_file();
    return 0;
}

/* berth's own file, by a path that holds wherever it is named; empty: there is none. */
static int find_own(const char *own, struct buf *path, struct err *err)
{
    const char *named = own ? own : getenv("BERTH_CONF");
    bool usual = !named || !*named;

    if (usual)
        named = SETTINGS_FALLBACK;
    if (access(named, F_OK) < 0)
        return usual ? 0 : err_set(err, ERR_CONFIG, "%s: %s", named, strerror(errno));
    return file_absolute(named, path, err);
}

/* What the workers read is in memory, which they inherit: there may be nowhere to write a file. */
static int hand_on(const struct buf *text, struct err *err)
{
    char path[64];
    int fd = memfd_create("berth.conf", 0);

    if (fd < 0)
        return err_sys(err, errno, "memfd_create");
    if (file_pwrite_all(fd, text->s, text->len, 0, err) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    setenv("BERTH_CONF", path, 1);
    return 0;
}

/* The name by which it was set is what has to be mended. */
static int check_file(const char *name, const char *path, struct err *err)
{
    if (!path || access(path, R_OK) == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: %s: %s: mount it there, for user %ld to read, or name another", name, path,
                   strerror(errno), (long)geteuid());
}

/* As registry:2, it is made where it is missing. */
static int prepare_passwords(struct stand_in *stand_in, struct err *err)
{
    const struct distribution *distribution = &stand_in->distribution;
    struct err why;

    if (!distribution->htpasswd)
        return 0;
    if (first_login_make(distribution->htpasswd,
                         distribution->root ? distribution->root : DISTRIBUTION_ROOT,
                         &stand_in->first_password, err) < 0 ||
        check_file("auth.htpasswd.path", distribution->htpasswd, err) < 0)
        return -1;
    struct passwd *passwd = passwd_read(distribution->htpasswd, 0, &why);
    if (!passwd)
        return err_set(err, why.code, "auth.htpasswd.path: %s", why.msg);
    passwd_free(passwd);
    return 0;
}

static int check_files(const struct distribution *distribution, struct err *err)
{
    struct key_set keys = {0};

    if (check_file("http.tls.certificate", distribution->certificate, err) < 0 ||
        check_file("http.tls.key", distribution->key, err) < 0 ||
        check_file("auth.token.rootcertbundle", distribution->token_keys, err) < 0)
        return -1;
    if (distribution->token_keys && key_set_add_file(&keys, distribution->token_keys, err) < 0)
        return -1;
    key_set_free(&keys);
    return 0;
}

int stand_in_prepare(struct stand_in *stand_in, char **args, const char *own, struct err *err)
{
    struct distribution *distribution = &stand_in->distribution;
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF base = BUF_INIT;
    const char *file = NULL;

    if (choose_file(args, &file, err) < 0 || find_own(own, &base, err) < 0 ||
        distribution_read(distribution, file, (const char *const *)environ, err) < 0 ||
        distribution_check(distribution, err) < 0 || check_files(distribution, err) < 0 ||
        distribution_print(distribution, base.len ? base.s : NULL, &text, err) < 0 ||
        prepare_passwords(stand_in, err) < 0) /* last: what is made then is also said */
        return -1;
    /* ":5000" is everywhere. */
    buf_addf(&stand_in->listen, "%s%s", distribution->addr[0] == ':' ? "*" : "",
             distribution->addr);
    return hand_on(&text, err);
}

void stand_in_say(const struct stand_in *stand_in)
{
    if (stand_in->first_password.len)
        fprintf(stderr,
                "berth: auth.htpasswd.path: %s was missing: it is made, as registry:2 does, with "
                "the user " FIRST_LOGIN_USER " and the password %s, which is said this once\n",
                stand_in->distribution.htpasswd, stand_in->first_password.s);
}

/* Of the directory, or of the first one above it that can be seen. */
static uid_t owner_of(const char *root)
{
    AUTO_BUF path = BUF_INIT;
    struct stat st = {.st_uid = geteuid()};
    char *slash;

    buf_addf(&path, "%s/" LAYOUT_PREFIX, root);
    while (stat(path.s, &st) < 0 && (slash = strrchr(path.s, '/')))
        *slash = '\0';
    return st.st_uid;
}

int stand_in_explain(const struct stand_in *stand_in, const struct err *why, struct err *err)
{
    const struct distribution *distribution = &stand_in->distribution;
    uid_t owner = owner_of(distribution->root ? distribution->root : DISTRIBUTION_ROOT);

    if (why->sys != EACCES || owner == geteuid())
        return err_copy(err, why);
    return err_set(err, why->code,
                   "%s; what is there is of user %ld: a container can run as that one, "
                   "`docker run --user %ld`",
                   why->msg, (long)owner, (long)owner);
}

void stand_in_free(struct stand_in *stand_in)
{
    buf_free(&stand_in->listen);
    buf_free(&stand_in->first_password);
    distribution_free(&stand_in->distribution);
}
