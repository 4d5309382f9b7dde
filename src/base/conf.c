/* SPDX-License-Identifier: Apache-2.0
 * L0: berth.conf and BERTH_* variables (the only user of confuse.h). */
#include "base/conf.h"

#include "base/conf_text.h"
#include "base/decimal.h"
#include "base/duration.h"
#include "base/mem.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cfg_opt_t group_options[] = {
    CFG_STR_LIST("members", NULL, CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t repository_options[] = {
    CFG_STR_LIST("pull", NULL, CFGF_NONE),
    CFG_STR_LIST("push", NULL, CFGF_NONE),
    CFG_STR_LIST("delete", NULL, CFGF_NONE),
    CFG_STR_LIST("admin", NULL, CFGF_NONE),
    CFG_STR_LIST("immutable", NULL, CFGF_NONE),
    CFG_BOOL("readonly", cfg_false, CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t issuer_options[] = {
    CFG_STR("keys", "", CFGF_NONE),
    CFG_STR("audience", "", CFGF_NONE),
    CFG_STR("prefix", "", CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t retain_options[] = {
    CFG_STR("newest", NULL, CFGF_NONE),   CFG_STR_LIST("tags", NULL, CFGF_NONE),
    CFG_STR("younger", NULL, CFGF_NONE),  CFG_STR("pulled", NULL, CFGF_NONE),
    CFG_STR("untagged", NULL, CFGF_NONE), CFG_END(),
};

/* Every key once, with its default. All are read as text, so that file and environment take one
 * way. */
static cfg_opt_t conf_options[] = {
    CFG_STR("root", "/var/lib/registry", CFGF_NONE),
    CFG_STR("durability", "full", CFGF_NONE),
    CFG_STR("sendfile", "off", CFGF_NONE),
    CFG_STR("sendfile_prefix", "/_berth/", CFGF_NONE),
    CFG_STR("file_mode", "0640", CFGF_NONE),
    CFG_STR("dir_mode", "0750", CFGF_NONE),
    CFG_STR("manifest_limit", "4194304", CFGF_NONE),
    CFG_STR("lock_timeout", "10", CFGF_NONE),
    CFG_STR("page_limit", "1000", CFGF_NONE),
    CFG_STR("grace", "86400", CFGF_NONE),
    CFG_STR("log_level", "warning", CFGF_NONE),
    CFG_STR("htpasswd", "", CFGF_NONE),
    CFG_STR("realm", "berth", CFGF_NONE),
    CFG_STR("credential_cache", "300", CFGF_NONE),
    CFG_STR("token_keys", "", CFGF_NONE),
    CFG_STR("token_realm", "", CFGF_NONE),
    CFG_STR("token_service", "berth", CFGF_NONE),
    CFG_STR("token_lifetime", "300", CFGF_NONE),
    CFG_STR("groups_file", "", CFGF_NONE),
    CFG_STR("readonly", "false", CFGF_NONE),
    CFG_SEC("group", group_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("repository", repository_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("issuer", issuer_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("retain", retain_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_END(),
};

/* libconfuse reports through a callback without context. */
static struct err conf_parse_error;

static void conf_report(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void conf_report(cfg_t *cfg, const char *fmt, va_list ap)
{
    AUTO_BUF text = BUF_INIT;

    buf_addvf(&text, fmt, ap);
    err_set(&conf_parse_error, ERR_CONFIG, "%s:%d: %s", cfg && cfg->filename ? cfg->filename : "?",
            cfg ? cfg->line : 0, text.s);
}

struct conf_source {
    cfg_t *cfg;
    const char *path; /* for messages */
    struct err *err;
};

static const char *conf_value(const struct conf_source *source, const char *key)
{
    char variable[64] = "BERTH_";
    size_t n = strlen(variable);

    for (const char *c = key; *c && n < sizeof variable - 1; c++)
        variable[n++] = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    const char *value = getenv(variable);
    return value && *value ? value : cfg_getstr(source->cfg, key);
}

static int conf_choice(const struct conf_source *source, const char *key,
                       const char *const *choices, int *chosen)
{
    const char *value = conf_value(source, key);
    char expected[100] = "";

    for (int i = 0; choices[i]; i++) {
        if (!strcmp(value, choices[i])) {
            *chosen = i;
            return 0;
        }
        size_t n = strlen(expected);
        snprintf(expected + n, sizeof expected - n, "%s\"%s\"", i ? ", " : "", choices[i]);
    }
    return err_set(source->err, ERR_CONFIG, "%s: %s = \"%s\": must be one of %s", source->path, key,
                   value, expected);
}

static int conf_number(const struct conf_source *source, const char *key, int base, int64_t min,
                       int64_t max, int64_t *number)
{
    const char *value = conf_value(source, key);
    char *end;

    errno = 0;
    long long n = strtoll(value, &end, base);
    if (errno || end == value || *end || n < min || n > max)
        return err_set(source->err, ERR_CONFIG,
                       "%s: %s = \"%s\": must be a number from %lld to %lld", source->path, key,
                       value, (long long)min, (long long)max);
    *number = n;
    return 0;
}

static int conf_mode(const struct conf_source *source, const char *key, mode_t *mode)
{
    int64_t n;

    if (conf_number(source, key, 8, 0, 07777, &n) < 0)
        return err_set(source->err, ERR_CONFIG, "%s: %s = \"%s\": must be an octal mode like 0640",
                       source->path, key, conf_value(source, key));
    *mode = (mode_t)n;
    return 0;
}

static int conf_paths(struct conf *conf, const struct conf_source *source)
{
    const char *prefix = conf_value(source, "sendfile_prefix");

    conf->root = mem_strdup(conf_value(source, "root"));
    if (conf->root[0] != '/')
        return err_set(source->err, ERR_CONFIG, "%s: root = \"%s\": must be an absolute path",
                       source->path, conf->root);
    conf->sendfile_prefix = mem_strdup(prefix);
    if (prefix[0] != '/' || prefix[strlen(prefix) - 1] != '/')
        return err_set(source->err, ERR_CONFIG,
                       "%s: sendfile_prefix = \"%s\": must begin and end with a slash",
                       source->path, prefix);
    conf->htpasswd = mem_strdup(conf_value(source, "htpasswd"));
    conf->realm = mem_strdup(conf_value(source, "realm"));
    conf->token_keys = mem_strdup(conf_value(source, "token_keys"));
    conf->token_realm = mem_strdup(conf_value(source, "token_realm"));
    conf->token_service = mem_strdup(conf_value(source, "token_service"));
    conf->groups_file = mem_strdup(conf_value(source, "groups_file"));
    if (strpbrk(conf->realm, "\"\\\r\n") || strpbrk(conf->token_realm, "\"\\\r\n") ||
        strpbrk(conf->token_service, "\"\\\r\n"))
        return err_set(source->err, ERR_CONFIG,
                       "%s: realm, token_realm and token_service cannot hold quotes or backslashes",
                       source->path);
    return 0;
}

static int conf_numbers(struct conf *conf, const struct conf_source *source)
{
    int64_t timeout;

    if (conf_mode(source, "file_mode", &conf->file_mode) < 0 ||
        conf_mode(source, "dir_mode", &conf->dir_mode) < 0 ||
        conf_number(source, "manifest_limit", 10, 1024, 1 << 30, &conf->manifest_limit) < 0 ||
        conf_number(source, "lock_timeout", 10, 0, 3600, &timeout) < 0 ||
        conf_number(source, "page_limit", 10, 1, 1000000, &conf->page_limit) < 0 ||
        conf_number(source, "grace", 10, 0, INT32_MAX, &conf->grace) < 0 ||
        conf_number(source, "credential_cache", 10, 0, 86400, &conf->credential_cache) < 0 ||
        conf_number(source, "token_lifetime", 10, 60, 86400, &conf->token_lifetime) < 0)
        return -1;
    conf->lock_timeout = (int)timeout;
    return 0;
}

static void copy_list(struct conf_list *list, cfg_t *section, const char *key)
{
    list->n = cfg_size(section, key);
    list->v = mem_alloc(list->n * sizeof *list->v);
    for (size_t i = 0; i < list->n; i++)
        list->v[i] = mem_strdup(cfg_getnstr(section, key, (unsigned)i));
}

static void conf_sections(struct conf *conf, cfg_t *cfg, const struct conf_text *text)
{
    conf->n_groups = cfg_size(cfg, "group");
    conf->groups = mem_alloc(conf->n_groups * sizeof *conf->groups);
    for (size_t i = 0; i < conf->n_groups; i++) {
        cfg_t *section = cfg_getnsec(cfg, "group", (unsigned)i);
        conf->groups[i].name = mem_strdup(cfg_title(section));
        conf->groups[i].line = conf_text_line(text, "group", i);
        copy_list(&conf->groups[i].members, section, "members");
    }
    conf->n_repositories = cfg_size(cfg, "repository");
    conf->repositories = mem_alloc(conf->n_repositories * sizeof *conf->repositories);
    for (size_t i = 0; i < conf->n_repositories; i++) {
        cfg_t *section = cfg_getnsec(cfg, "repository", (unsigned)i);
        struct conf_repository *repository = &conf->repositories[i];
        repository->pattern = mem_strdup(cfg_title(section));
        repository->line = conf_text_line(text, "repository", i);
        copy_list(&repository->pull, section, "pull");
        copy_list(&repository->push, section, "push");
        copy_list(&repository->remove, section, "delete");
        copy_list(&repository->admin, section, "admin");
        copy_list(&repository->immutable, section, "immutable");
        repository->readonly = cfg_getbool(section, "readonly");
    }
    conf->n_issuers = cfg_size(cfg, "issuer");
    conf->issuers = mem_alloc(conf->n_issuers * sizeof *conf->issuers);
    for (size_t i = 0; i < conf->n_issuers; i++) {
        cfg_t *section = cfg_getnsec(cfg, "issuer", (unsigned)i);
        conf->issuers[i].iss = mem_strdup(cfg_title(section));
        conf->issuers[i].line = conf_text_line(text, "issuer", i);
        conf->issuers[i].keys = mem_strdup(cfg_getstr(section, "keys"));
        conf->issuers[i].audience = mem_strdup(cfg_getstr(section, "audience"));
        conf->issuers[i].prefix = mem_strdup(cfg_getstr(section, "prefix"));
    }
}

static int retain_wrong(const struct conf_source *source, const struct conf_retain *retain,
                        const char *key, const char *value, const char *must)
{
    return err_set(source->err, ERR_CONFIG, "%s:%d: %s = \"%s\" in retain: must be %s",
                   source->path, retain->line, key, value, must);
}

static int retain_age(const struct conf_source *source, const struct conf_retain *retain,
                      cfg_t *section, const char *key, struct conf_age *age)
{
    const char *value = cfg_getstr(section, key);
    bool may_last = age == &retain->untagged;

    if (!value)
        return 0;
    age->text = mem_strdup(value);
    if (may_last && !strcmp(value, "forever"))
        age->seconds = CONF_FOREVER;
    else if (!duration_parse(value, &age->seconds))
        return retain_wrong(source, retain, key, value,
                            may_last ? "like 12h, 30d, 8w, or \"forever\"" : "like 12h, 30d, 8w");
    return 0;
}

static int retain_newest(const struct conf_source *source, cfg_t *section,
                         struct conf_retain *retain)
{
    const char *value = cfg_getstr(section, "newest");

    if (value && (!decimal_parse(value, strlen(value), &retain->newest) || retain->newest < 1))
        return retain_wrong(source, retain, "newest", value, "a number of tags, from 1");
    return 0;
}

static int conf_retains(struct conf *conf, const struct conf_source *source,
                        const struct conf_text *text)
{
    size_t n = cfg_size(source->cfg, "retain");

    conf->retains = mem_alloc(n * sizeof *conf->retains);
    for (size_t i = 0; i < n; i++) {
        cfg_t *section = cfg_getnsec(source->cfg, "retain", (unsigned)i);
        struct conf_retain *retain = &conf->retains[conf->n_retains++];
        retain->pattern = mem_strdup(cfg_title(section));
        retain->line = conf_text_line(text, "retain", i);
        copy_list(&retain->tags, section, "tags");
        if (retain_newest(source, section, retain) < 0 ||
            retain_age(source, retain, section, "younger", &retain->younger) < 0 ||
            retain_age(source, retain, section, "pulled", &retain->pulled) < 0 ||
            retain_age(source, retain, section, "untagged", &retain->untagged) < 0)
            return -1;
    }
    return 0;
}

static int conf_fill(struct conf *conf, const struct conf_source *source,
                     const struct conf_text *text)
{
    static const char *const durability[] = {"full", "none", NULL};
    static const char *const sendfile[] = {"off", "x-sendfile", "x-accel-redirect", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    static const char *const truth[] = {"false", "true", NULL};
    int none, how, level, readonly;

    if (conf_paths(conf, source) < 0 || conf_numbers(conf, source) < 0 ||
        conf_choice(source, "durability", durability, &none) < 0 ||
        conf_choice(source, "sendfile", sendfile, &how) < 0 ||
        conf_choice(source, "log_level", levels, &level) < 0 ||
        conf_choice(source, "readonly", truth, &readonly) < 0)
        return -1;
    conf->durable = none == 0;
    conf->sendfile = (enum conf_sendfile)how;
    conf->log_level = (enum log_level)level;
    conf->readonly = readonly == 1;
    conf_sections(conf, source->cfg, text);
    if (conf_retains(conf, source, text) < 0)
        return -1;
    /* lighttpd would decode an escape in the header, Apache would not. */
    if (conf->sendfile == CONF_SENDFILE_X_SENDFILE && strchr(conf->root, '%'))
        return err_set(source->err, ERR_CONFIG,
                       "%s: root = \"%s\": with sendfile = \"x-sendfile\" it cannot have a %% sign",
                       source->path, conf->root);
    return 0;
}

static int conf_parse(const struct conf_source *source, struct conf_text *text)
{
    if (conf_text_read(text, source->path, source->err) < 0)
        return -1;
    FILE *file = fmemopen(text->text.s, text->text.len, "r");
    if (!file)
        return err_sys(source->err, errno, "read %s", source->path);
    free(source->cfg->filename); /* for conf_report */
    source->cfg->filename = mem_strdup(source->path);
    int parsed = cfg_parse_fp(source->cfg, file);
    fclose(file);
    return parsed == CFG_SUCCESS ? 0 : err_copy(source->err, &conf_parse_error);
}

int conf_load(struct conf *conf, const char *path, struct err *err)
{
    const char *named = path ? path : getenv("BERTH_CONF");
    bool required = named && *named;
    struct conf_source source = {.path = required ? named : CONF_FALLBACK, .err = err};
    struct conf_text text = {0};

    *conf = (struct conf){0};
    source.cfg = cfg_init(conf_options, CFGF_NONE);
    if (!source.cfg)
        abort(); /* out of memory */
    cfg_set_error_function(source.cfg, conf_report);
    int result = 0;
    if (required || access(CONF_FALLBACK, F_OK) == 0) {
        conf->path = mem_strdup(source.path);
        result = conf_parse(&source, &text);
    }
    if (result == 0)
        result = conf_fill(conf, &source, &text);
    conf_text_free(&text);
    cfg_free(source.cfg);
    return result;
}

bool conf_checks_logins(const struct conf *conf)
{
    return *conf->htpasswd || *conf->token_keys || conf->n_issuers;
}

static void free_list(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    free(list->v);
}

static void free_sections(struct conf *conf)
{
    for (size_t i = 0; i < conf->n_groups; i++) {
        free(conf->groups[i].name);
        free_list(&conf->groups[i].members);
    }
    free(conf->groups);
    for (size_t i = 0; i < conf->n_repositories; i++) {
        struct conf_repository *repository = &conf->repositories[i];
        free(repository->pattern);
        free_list(&repository->pull);
        free_list(&repository->push);
        free_list(&repository->remove);
        free_list(&repository->admin);
        free_list(&repository->immutable);
    }
    free(conf->repositories);
    for (size_t i = 0; i < conf->n_issuers; i++) {
        free(conf->issuers[i].iss);
        free(conf->issuers[i].keys);
        free(conf->issuers[i].audience);
        free(conf->issuers[i].prefix);
    }
    free(conf->issuers);
    for (size_t i = 0; i < conf->n_retains; i++) {
        struct conf_retain *retain = &conf->retains[i];
        free(retain->pattern);
        free_list(&retain->tags);
        free(retain->younger.text);
        free(retain->pulled.text);
        free(retain->untagged.text);
    }
    free(conf->retains);
}

void conf_free(struct conf *conf)
{
    free_sections(conf);
    free(conf->path);
    free(conf->root);
    free(conf->sendfile_prefix);
    free(conf->htpasswd);
    free(conf->realm);
    free(conf->token_keys);
    free(conf->token_realm);
    free(conf->token_service);
    free(conf->groups_file);
    *conf = (struct conf){0};
}
