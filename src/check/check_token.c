/* SPDX-License-Identifier: Apache-2.0
 * L5: mistakes in a configuration: keys, and issuers of tokens. */
#include "check/check.h"

#include "auth/key_set.h"
#include "auth/token.h"
#include "base/dir.h"

#include <string.h>
#include <sys/stat.h>

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
static void check_keys(const struct config *conf, struct findings *findings)
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

void check_token(const struct config *conf, struct findings *findings)
{
    check_keys(conf, findings);
    check_issuers(conf, findings);
}
