/* SPDX-License-Identifier: Apache-2.0
 * L0: berth.conf and BERTH_* variables (the only user of confuse.h). */
#include "base/conf.h"

#include "base/mem.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    CFG_END(),
};

/* libconfuse reports through a callback without context. */
static char conf_parse_message[200];

static void conf_report(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void conf_report(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[160];

    vsnprintf(text, sizeof text, fmt, ap);
    snprintf(conf_parse_message, sizeof conf_parse_message, "%.100s:%d: %.80s",
             cfg && cfg->filename ? cfg->filename : "?", cfg ? cfg->line : 0, text);
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
    return 0;
}

static int conf_fill(struct conf *conf, const struct conf_source *source)
{
    static const char *const durability[] = {"full", "none", NULL};
    static const char *const sendfile[] = {"off", "x-sendfile", "x-accel-redirect", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    int none, how, level;
    int64_t timeout;

    if (conf_paths(conf, source) < 0 || conf_choice(source, "durability", durability, &none) < 0 ||
        conf_choice(source, "sendfile", sendfile, &how) < 0 ||
        conf_choice(source, "log_level", levels, &level) < 0 ||
        conf_mode(source, "file_mode", &conf->file_mode) < 0 ||
        conf_mode(source, "dir_mode", &conf->dir_mode) < 0 ||
        conf_number(source, "manifest_limit", 10, 1024, 1 << 30, &conf->manifest_limit) < 0 ||
        conf_number(source, "lock_timeout", 10, 0, 3600, &timeout) < 0 ||
        conf_number(source, "page_limit", 10, 1, 1000000, &conf->page_limit) < 0 ||
        conf_number(source, "grace", 10, 0, INT32_MAX, &conf->grace) < 0)
        return -1;
    conf->durable = none == 0;
    conf->sendfile = (enum conf_sendfile)how;
    conf->log_level = (enum log_level)level;
    conf->lock_timeout = (int)timeout;
    /* lighttpd would decode an escape in the header, Apache would not. */
    if (conf->sendfile == CONF_SENDFILE_X_SENDFILE && strchr(conf->root, '%'))
        return err_set(source->err, ERR_CONFIG,
                       "%s: root = \"%s\": with sendfile = \"x-sendfile\" it cannot have a %% sign",
                       source->path, conf->root);
    return 0;
}

int conf_load(struct conf *conf, const char *path, struct err *err)
{
    static const char fallback[] = "/etc/berth/berth.conf";
    const char *named = path ? path : getenv("BERTH_CONF");
    bool required = named && *named;
    struct conf_source source = {.path = required ? named : fallback, .err = err};

    *conf = (struct conf){0};
    source.cfg = cfg_init(conf_options, CFGF_NONE);
    if (!source.cfg)
        abort(); /* out of memory */
    cfg_set_error_function(source.cfg, conf_report);
    int parsed = CFG_SUCCESS;
    if (required || access(fallback, F_OK) == 0)
        parsed = cfg_parse(source.cfg, source.path);
    int result = 0;
    if (parsed == CFG_FILE_ERROR)
        result = err_sys(err, errno, "configuration file %s", source.path);
    else if (parsed == CFG_PARSE_ERROR)
        result = err_set(err, ERR_CONFIG, "%s", conf_parse_message);
    else
        result = conf_fill(conf, &source);
    cfg_free(source.cfg);
    if (result < 0 && parsed == CFG_FILE_ERROR)
        err->code = ERR_CONFIG;
    return result;
}

void conf_free(struct conf *conf)
{
    free(conf->root);
    free(conf->sendfile_prefix);
    *conf = (struct conf){0};
}
