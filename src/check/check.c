/* SPDX-License-Identifier: Apache-2.0
 * L5: mistakes in a configuration: paths, the data directory, passwords. */
#include "check/check.h"

#include "auth/passwd.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A web server starts programs wherever it likes. */
static void check_paths(const struct config *conf, struct findings *findings)
{
    const struct {
        const char *key, *path;
    } files[] = {
        {"htpasswd", conf->live.passwd.htpasswd},
        {"groups_file", conf->live.policy.groups_file},
        {"token_keys", conf->live.token.keys},
        {"metrics_token", conf->live.metrics.token},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (*files[i].path && *files[i].path != '/')
            findings_warn(findings, "%s = \"%s\": is not an absolute path", files[i].key,
                          files[i].path);
}

static void check_root(const struct config *conf, struct findings *findings)
{
    struct stat st;

    if (stat(conf->frozen.store.root, &st) < 0)
        findings_warn(findings, "root = \"%s\": %s", conf->frozen.store.root, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        findings_warn(findings, "root = \"%s\": is no directory", conf->frozen.store.root);
    else if (access(conf->frozen.store.root, R_OK | W_OK | X_OK) < 0)
        findings_warn(findings, "root = \"%s\": this user cannot read and write it: %s",
                      conf->frozen.store.root, strerror(errno));
}

static void check_passwords(const struct config *conf, struct findings *findings)
{
    struct err err;

    if (!*conf->live.passwd.htpasswd)
        return;
    struct passwd *passwd = passwd_read(conf->live.passwd.htpasswd, 0, &err);
    if (!passwd)
        findings_error(findings, &err);
    for (size_t i = 0; passwd && passwd_unusable(passwd, i, &err); i++)
        findings_error(findings, &err);
    passwd_free(passwd);
}

void check_config(const struct config *conf, struct findings *findings)
{
    check_paths(conf, findings);
    check_root(conf, findings);
    check_passwords(conf, findings);
    check_access(conf, findings);
    check_retain(conf, findings);
    check_token(conf, findings);
}
