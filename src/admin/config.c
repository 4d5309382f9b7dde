/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth config check`: mistakes in the configuration, all that can be found at once. What is
 * wrong with access rules is in config_access.c, with retention in config_retain.c. */
#include "admin/findings.h"

#include "admin/admin.h"
#include "auth/key.h"
#include "auth/passwd.h"
#include "auth/token.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add_finding(struct findings *findings, bool is_error, const char *text)
{
    findings->v = mem_grow(findings->v, findings->n + 1, sizeof *findings->v);
    findings->v[findings->n++] = (struct finding){is_error, mem_strdup(text)};
    findings->errors += is_error;
}

void config_error(struct findings *findings, const struct err *err)
{
    add_finding(findings, true, err->msg);
}

void config_warn(struct findings *findings, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add_finding(findings, false, text);
}

static void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        free(findings->v[i].text);
    free(findings->v);
}

/* A web server starts programs wherever it likes. */
static void check_paths(const struct conf *conf, struct findings *findings)
{
    const struct {
        const char *key, *path;
    } files[] = {
        {"htpasswd", conf->htpasswd},
        {"groups_file", conf->groups_file},
        {"token_keys", conf->token_keys},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (*files[i].path && *files[i].path != '/')
            config_warn(findings, "%s = \"%s\": is not an absolute path", files[i].key,
                        files[i].path);
}

static void check_root(const struct conf *conf, struct findings *findings)
{
    struct stat st;

    if (stat(conf->root, &st) < 0)
        config_warn(findings, "root = \"%s\": %s", conf->root, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        config_warn(findings, "root = \"%s\": is no directory", conf->root);
    else if (access(conf->root, R_OK | W_OK | X_OK) < 0)
        config_warn(findings, "root = \"%s\": this user cannot read and write it: %s", conf->root,
                    strerror(errno));
}

static void check_passwords(const struct conf *conf, struct findings *findings)
{
    struct err err;

    if (!*conf->htpasswd)
        return;
    struct passwd *passwd = passwd_read(conf->htpasswd, 0, &err);
    if (!passwd)
        config_error(findings, &err);
    for (size_t i = 0; passwd && passwd_unusable(passwd, i, &err); i++)
        config_error(findings, &err);
    passwd_free(passwd);
}

static void check_key_file(const char *path, struct findings *findings)
{
    struct key_set keys = {0};
    struct stat st;
    struct err err;

    if (key_set_add_file(&keys, path, &err) < 0)
        config_error(findings, &err);
    key_set_free(&keys);
    if (stat(path, &st) == 0 && (st.st_mode & 07))
        config_warn(findings,
                    "key file %s: everyone on this machine can read it, and make tokens: "
                    "chmod o= it, and replace it with `berth token init`",
                    path);
}

/* Each key by itself; tokens_load stops at the first that is wrong. */
static void check_token_keys(const struct conf *conf, struct findings *findings)
{
    struct fs_root root = {.fd = -1};
    struct conf own = *conf;
    AUTO_STRINGS names = {0};
    struct err err, no_matter;
    size_t errors = findings->errors;

    if (!*conf->token_keys)
        return;
    if (fs_root_open(&root, conf->token_keys, false, &no_matter) == 0) {
        fs_list(&root, ".", &names, &no_matter);
        fs_root_close(&root);
    }
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF path = BUF_INIT;
        size_t len = strlen(names.v[i]);
        buf_addf(&path, "%s/%s", conf->token_keys, names.v[i]);
        if (len > 4 && !strcmp(names.v[i] + len - 4, ".pem"))
            check_key_file(path.s, findings);
    }
    if (findings->errors > errors)
        return;
    own.n_issuers = 0;
    struct tokens *tokens = tokens_load(&own, &err);
    if (!tokens)
        config_error(findings, &err);
    tokens_free(tokens);
}

static void check_issuers(const struct conf *conf, struct findings *findings)
{
    for (size_t i = 0; i < conf->n_issuers; i++) {
        const struct conf_issuer *issuer = &conf->issuers[i];
        struct key_set keys = {0};
        struct err why, err;
        if (!*issuer->keys)
            err_set(&why, ERR_CONFIG, "keys = FILE is missing");
        else if (key_set_add_file(&keys, issuer->keys, &why) == 0)
            why.code = ERR_NONE;
        key_set_free(&keys);
        if (why.code == ERR_NONE)
            continue;
        err_set(&err, ERR_CONFIG, "%s:%d: issuer \"%s\": %s", conf->path, issuer->line, issuer->iss,
                why.msg);
        config_error(findings, &err);
    }
    if (conf->n_issuers && !*conf->token_keys && !*conf->token_realm)
        config_warn(findings,
                    "%s: issuers without token_realm: clients are not told where to get a token",
                    conf->path);
    if (*conf->token_realm && !*conf->token_keys && !conf->n_issuers)
        config_warn(findings, "token_realm = \"%s\": has no effect without token_keys or issuers",
                    conf->token_realm);
}

static void print_list(const struct findings *findings, bool errors, struct buf *out)
{
    const char *separator = "";

    for (size_t i = 0; i < findings->n; i++) {
        if (findings->v[i].is_error != errors)
            continue;
        buf_addstr(out, separator);
        json_quote(findings->v[i].text, out);
        separator = ",";
    }
}

static void print_findings(const struct findings *findings, bool json, struct buf *out)
{
    if (json) {
        buf_addf(out, "{\"ok\":%s,\"errors\":[", findings->errors ? "false" : "true");
        print_list(findings, true, out);
        buf_addstr(out, "],\"warnings\":[");
        print_list(findings, false, out);
        buf_addstr(out, "]}\n");
        return;
    }
    for (size_t i = 0; i < findings->n; i++)
        buf_addf(out, "%s: %s\n", findings->v[i].is_error ? "error" : "warning",
                 findings->v[i].text);
    if (findings->n == 0)
        buf_addstr(out, "OK\n");
}

int admin_config_check(const struct admin_options *options, char **args, struct err *err)
{
    struct findings findings = {0};
    struct conf conf;
    struct err wrong;
    AUTO_BUF out = BUF_INIT;

    (void)args;
    if (admin_conf(options, &conf, &wrong) < 0) {
        config_error(&findings, &wrong);
    } else {
        check_paths(&conf, &findings);
        check_root(&conf, &findings);
        check_passwords(&conf, &findings);
        config_check_access(&conf, &findings);
        config_check_retain(&conf, &findings);
        check_token_keys(&conf, &findings);
        check_issuers(&conf, &findings);
        conf_free(&conf);
    }
    print_findings(&findings, options->json, &out);
    int result = admin_print(&out, err);
    if (result == 0 && findings.errors)
        result = err_set(err, ERR_CONFIG, "%zu %s in the configuration", findings.errors,
                         findings.errors == 1 ? "mistake" : "mistakes");
    findings_free(&findings);
    return result;
}
