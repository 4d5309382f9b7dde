/* SPDX-License-Identifier: Apache-2.0
 * L0: the settings of berth.conf. */
#include "base/conf.h"

#include <string.h>

static bool is_root(const char *value, const char **must)
{
    *must = "must be an absolute path";
    return value[0] == '/';
}

static bool is_prefix(const char *value, const char **must)
{
    *must = "must begin and end with a slash";
    return value[0] == '/' && value[strlen(value) - 1] == '/';
}

static bool is_quotable(const char *value, const char **must)
{
    *must = "cannot hold quotes, backslashes or line breaks";
    return !strpbrk(value, "\"\\\r\n");
}

/* As browsers write it (RFC 6454, section 6.2). */
static bool is_origin(const char *value, const char **must)
{
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    const char *rest = strstr(value, "://");

    *must = "must be like \"https://ui.example\", in lower case and without a path, or \"*\"";
    if (!strcmp(value, "*"))
        return true;
    return rest && (!strncmp(value, "http://", 7) || !strncmp(value, "https://", 8)) && rest[3] &&
           !rest[3 + strspn(rest + 3, host)];
}

static bool is_user(const char *value, const char **must)
{
    *must = "must be the name of a user, or a number";
    return *value != '\0';
}

static const char *const trusts[] = {"auto", "trust", "ignore", NULL};
static const char *const durabilities[] = {"full", "none", NULL};
static const char *const sendfiles[] = {"off", "x-sendfile", "x-accel-redirect", NULL};
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

static const struct settings_key conf_keys[] = {
    SETTINGS_TEXT(struct conf, root, "root", "/var/lib/registry", is_root),
    SETTINGS_CHOICE(struct conf, durability, "durability", "full", durabilities),
    SETTINGS_CHOICE(struct conf, sendfile, "sendfile", "off", sendfiles),
    SETTINGS_TEXT(struct conf, sendfile_prefix, "sendfile_prefix", "/_berth/", is_prefix),
    SETTINGS_MODE(struct conf, file_mode, "file_mode", "0640"),
    SETTINGS_MODE(struct conf, dir_mode, "dir_mode", "0750"),
    SETTINGS_NUMBER(struct conf, manifest_limit, "manifest_limit", "4194304", 1024, 1 << 30),
    SETTINGS_NUMBER(struct conf, upload_limit, "upload_limit", "1000", 0, 1000000),
    SETTINGS_NUMBER(struct conf, lock_timeout, "lock_timeout", "10", 0, 3600),
    SETTINGS_NUMBER(struct conf, page_limit, "page_limit", "1000", 1, 1000000),
    SETTINGS_NUMBER(struct conf, grace, "grace", "86400", 0, INT32_MAX),
    SETTINGS_CHOICE(struct conf, log_level, "log_level", "warning", levels),
    SETTINGS_CHECKED_LIST(struct conf, cors, "cors", is_origin),
    SETTINGS_CHECKED_LIST(struct conf, socket_users, "socket_users", is_user),
    SETTINGS_CHOICE(struct conf, remote_user, "remote_user", "auto", trusts),
    SETTINGS_TEXT(struct conf, htpasswd, "htpasswd", "", NULL),
    SETTINGS_TEXT(struct conf, realm, "realm", "berth", is_quotable),
    SETTINGS_NUMBER(struct conf, credential_cache, "credential_cache", "300", 0, 86400),
    SETTINGS_TEXT(struct conf, token_keys, "token_keys", "", NULL),
    SETTINGS_TEXT(struct conf, token_realm, "token_realm", "", is_quotable),
    SETTINGS_TEXT(struct conf, token_service, "token_service", "berth", is_quotable),
    SETTINGS_NUMBER(struct conf, token_lifetime, "token_lifetime", "300", 60, 86400),
    SETTINGS_TEXT(struct conf, groups_file, "groups_file", "", NULL),
    SETTINGS_SWITCH(struct conf, readonly, "readonly", "false"),
    SETTINGS_SWITCH(struct conf, shared, "shared", "false"),
    SETTINGS_END,
};

static const struct settings_key group_keys[] = {
    SETTINGS_LIST(struct conf_group, members, "members"),
    SETTINGS_END,
};

static const struct settings_key repository_keys[] = {
    SETTINGS_LIST(struct conf_repository, pull, "pull"),
    SETTINGS_LIST(struct conf_repository, push, "push"),
    SETTINGS_LIST(struct conf_repository, remove, "delete"),
    SETTINGS_LIST(struct conf_repository, admin, "admin"),
    SETTINGS_LIST(struct conf_repository, immutable, "immutable"),
    SETTINGS_SWITCH(struct conf_repository, readonly, "readonly", "false"),
    SETTINGS_SWITCH(struct conf_repository, sparse, "sparse", "false"),
    SETTINGS_END,
};

static const struct settings_key issuer_keys[] = {
    SETTINGS_TEXT(struct conf_issuer, keys, "keys", "", NULL),
    SETTINGS_TEXT(struct conf_issuer, audience, "audience", "", NULL),
    SETTINGS_TEXT(struct conf_issuer, prefix, "prefix", "", NULL),
    SETTINGS_END,
};

static const struct settings_key retain_keys[] = {
    SETTINGS_NUMBER(struct conf_retain, newest, "newest", NULL, 1, INT64_MAX),
    SETTINGS_LIST(struct conf_retain, tags, "tags"),
    SETTINGS_AGE(struct conf_retain, younger, "younger", false),
    SETTINGS_AGE(struct conf_retain, pulled, "pulled", false),
    SETTINGS_AGE(struct conf_retain, untagged, "untagged", true),
    SETTINGS_END,
};

static const struct settings_section sections[] = {
    SETTINGS_SECTION(struct conf, groups, n_groups, struct conf_group, name, "group", group_keys),
    SETTINGS_SECTION(struct conf, repositories, n_repositories, struct conf_repository, pattern,
                     "repository", repository_keys),
    SETTINGS_SECTION(struct conf, issuers, n_issuers, struct conf_issuer, iss, "issuer",
                     issuer_keys),
    SETTINGS_SECTION(struct conf, retains, n_retains, struct conf_retain, pattern, "retain",
                     retain_keys),
    SETTINGS_SECTIONS_END,
};

static const struct settings_table conf_table = SETTINGS_TABLE(struct conf, conf_keys, sections);

int conf_load(struct conf *conf, const char *path, struct err *err)
{
    const struct settings_part part = {&conf_table, conf};
    struct strings files = {0};

    int result = settings_read(path, &part, 1, &files, err);
    conf->files = files;
    /* lighttpd would decode an escape in the header, Apache would not. */
    if (result == 0 && conf->sendfile == CONF_SENDFILE_X_SENDFILE && strchr(conf->root, '%'))
        return err_set(err, ERR_CONFIG,
                       "root = \"%s\": with sendfile = \"x-sendfile\" it cannot have a %% sign",
                       conf->root);
    return result;
}

bool conf_checks_logins(const struct conf *conf)
{
    return *conf->htpasswd || *conf->token_keys || conf->n_issuers;
}

bool conf_trusts_server(const struct conf *conf)
{
    if (conf->remote_user != CONF_REMOTE_USER_AUTO)
        return conf->remote_user == CONF_REMOTE_USER_TRUST;
    return !*conf->htpasswd && (*conf->token_keys || !conf->n_issuers);
}

void conf_free(struct conf *conf)
{
    strings_free(&conf->files);
    settings_free(&conf_table, conf);
}

const char *conf_path(const struct conf *conf)
{
    return conf->files.n ? conf->files.v[0] : NULL;
}
