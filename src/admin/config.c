/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth config check`: mistakes in the configuration, all that can be found at once. What is
 * wrong with access rules is in config_access.c, with retention in config_retain.c. */
#include "admin/command.h"
#include "admin/config_parts.h"
#include "admin/open.h"
#include "auth/key_set.h"
#include "auth/passwd.h"
#include "auth/token.h"
#include "base/amount.h"
#include "base/dir.h"
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static void check_key_file(const char *path, struct findings *findings)
{
    struct key_set keys = {0};
    struct stat st;
    struct err err;

    if (key_set_add_file(&keys, path, &err) < 0)
        findings_error(findings, &err);
    key_set_free(&keys);
    if (stat(path, &st) == 0 && (st.st_mode & 07))
        findings_warn(findings,
                      "key file %s: everyone on this machine can read it, and make tokens: "
                      "chmod o= it, and replace it with `berth token init`",
                      path);
}

/* Each key by itself; token_load stops at the first that is wrong. */
static void check_token_keys(const struct config *conf, struct findings *findings)
{
    struct fs_root root = {.fd = -1};
    struct token_settings own = conf->live.token;
    AUTO_STRINGS names = {0};
    struct err err, no_matter;
    size_t errors = findings->errors;

    if (!*conf->live.token.keys)
        return;
    if (fs_root_open(&root, conf->live.token.keys, false, &no_matter) == 0) {
        dir_list(&root, ".", &names, &no_matter);
        fs_root_close(&root);
    }
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF path = BUF_INIT;
        size_t len = strlen(names.v[i]);
        buf_addf(&path, "%s/%s", conf->live.token.keys, names.v[i]);
        if (len > 4 && !strcmp(names.v[i] + len - 4, ".pem"))
            check_key_file(path.s, findings);
    }
    if (findings->errors > errors)
        return;
    own.n_issuers = 0;
    struct tokens *tokens = token_load(&own, &err);
    if (!tokens)
        findings_error(findings, &err);
    token_free(tokens);
}

static void check_issuers(const struct config *conf, struct findings *findings)
{
    for (size_t i = 0; i < conf->live.token.n_issuers; i++) {
        const struct token_issuer *issuer = &conf->live.token.issuers[i];
        struct key_set keys = {0};
        struct err why, err;
        if (!*issuer->keys)
            err_set(&why, ERR_CONFIG, "keys = FILE is missing");
        else if (key_set_add_file(&keys, issuer->keys, &why) == 0)
            why.code = ERR_NONE;
        key_set_free(&keys);
        if (why.code == ERR_NONE)
            continue;
        err_set(&err, ERR_CONFIG, "%s:%d: issuer \"%s\": %s", issuer->place.file,
                issuer->place.line, issuer->iss, why.msg);
        findings_error(findings, &err);
    }
    if (conf->live.token.n_issuers && !*conf->live.token.keys && !*conf->live.token.realm)
        findings_warn(findings,
                      "%s: issuers without token_realm: clients are not told where to get a token",
                      config_path(&conf->files));
    if (*conf->live.token.realm && !*conf->live.token.keys && !conf->live.token.n_issuers)
        findings_warn(findings, "token_realm = \"%s\": has no effect without token_keys or issuers",
                      conf->live.token.realm);
}

static void write_list(const struct findings *findings, bool errors, const char *key,
                       struct json_writer *json)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < findings->n; i++)
        if (findings->v[i].is_error == errors)
            json_writer_string(json, NULL, findings->v[i].text);
    json_writer_end(json);
}

static int print_findings(const struct findings *findings, bool json, struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json) {
        json_writer_bool(out.json, "ok", findings->errors == 0);
        write_list(findings, true, "errors", out.json);
        write_list(findings, false, "warnings", out.json);
        return output_end(&out, err);
    }
    for (size_t i = 0; i < findings->n; i++)
        buf_addf(&out.text, "%s: %s\n", findings->v[i].is_error ? "error" : "warning",
                 findings->v[i].text);
    if (findings->n == 0)
        buf_addstr(&out.text, "OK\n");
    return output_end(&out, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct findings findings = {0};
    struct config conf;
    struct err wrong;
    char mistakes[AMOUNT_TEXT];

    (void)args;
    if (open_config(options, &conf, &wrong) < 0) {
        findings_error(&findings, &wrong);
    } else {
        check_paths(&conf, &findings);
        check_root(&conf, &findings);
        check_passwords(&conf, &findings);
        config_access_check(&conf, &findings);
        config_retain_check(&conf, &findings);
        check_token_keys(&conf, &findings);
        check_issuers(&conf, &findings);
        config_free(&conf);
    }
    int result = print_findings(&findings, options->json, err);
    amount_count(mistakes, (int64_t)findings.errors, "mistake");
    if (result == 0 && findings.errors)
        result = err_set(err, ERR_CONFIG, "%s in the configuration", mistakes);
    findings_free(&findings);
    return result;
}

const struct command config_check_command = {
    .name = "config check",
    .arguments = "",
    .summary = "find mistakes in the configuration",
    .args_min = 0,
    .args_max = 0,
    .size = sizeof(struct options_common),
    .run = run,
};
