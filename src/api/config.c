/* SPDX-License-Identifier: Apache-2.0
 * L4: the configuration, put together from the tables of all owners. */
#include "api/config.h"

#include "event/audit.h"
#include "metric/metric.h"

#include <string.h>

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

struct log_settings {
    enum log_level level;
};

static const struct settings_key log_keys[] = {
    SETTINGS_CHOICE(struct log_settings, level, "log_level", "warning", levels),
    SETTINGS_END,
};

static const struct settings_table log_table = SETTINGS_TABLE(struct log_settings, log_keys, NULL);

/* Either may be NULL. */
static int read_parts(struct config_frozen *frozen, struct config_live *live, struct strings *files,
                      const char *path, struct err *err)
{
    struct log_settings log;
    const struct settings_part parts[] = {
        {&store_settings_table, frozen ? &frozen->store : NULL},
        {&api_settings_table, frozen ? &frozen->api : NULL},
        {&log_table, &log},
        {&client_table, live ? &live->client : NULL},
        {&metrics_table, live ? &live->metrics : NULL},
        {&cors_table, live ? &live->cors : NULL},
        {&identity_table, live ? &live->identity : NULL},
        {&policy_table, live ? &live->policy : NULL},
        {&passwd_table, live ? &live->passwd : NULL},
        {&token_table, live ? &live->token : NULL},
        {&retain_table, live ? &live->retain : NULL},
        {&upstream_table, live ? &live->upstreams : NULL},
    };

    int result = settings_read(path, parts, sizeof parts / sizeof *parts, files, err);
    if (live)
        upstream_globs(&live->upstreams, &live->policy.cached, &live->policy.own);
    if (result == 0 && live)
        result = upstream_check(&live->upstreams, err);
    if (!frozen)
        return result;
    frozen->log_level = log.level;
    /* lighttpd would decode an escape in the header, Apache would not. */
    if (result == 0 && frozen->api.sendfile == API_SENDFILE_X_SENDFILE &&
        strchr(frozen->store.root, '%'))
        return err_set(err, ERR_CONFIG,
                       "root = \"%s\": with sendfile = \"x-sendfile\" it cannot have a %% sign",
                       frozen->store.root);
    return result;
}

int config_read(struct config *config, const char *path, struct err *err)
{
    config->files = (struct strings){0};
    return read_parts(&config->frozen, &config->live, &config->files, path, err);
}

int config_read_frozen(struct config_frozen *frozen, struct strings *files, const char *path,
                       struct err *err)
{
    return read_parts(frozen, NULL, files, path, err);
}

int config_read_live(struct config_live *live, struct strings *files, const char *path,
                     struct err *err)
{
    return read_parts(NULL, live, files, path, err);
}

void config_free(struct config *config)
{
    strings_free(&config->files);
    config_free_frozen(&config->frozen);
    config_free_live(&config->live);
}

void config_free_frozen(struct config_frozen *frozen)
{
    settings_free(&store_settings_table, &frozen->store);
    settings_free(&api_settings_table, &frozen->api);
}

void config_free_live(struct config_live *live)
{
    settings_free(&client_table, &live->client);
    settings_free(&metrics_table, &live->metrics);
    settings_free(&cors_table, &live->cors);
    settings_free(&identity_table, &live->identity);
    strings_free(&live->policy.cached);
    strings_free(&live->policy.own);
    settings_free(&policy_table, &live->policy);
    settings_free(&passwd_table, &live->passwd);
    settings_free(&token_table, &live->token);
    settings_free(&retain_table, &live->retain);
    settings_free(&upstream_table, &live->upstreams);
}

struct event_observer config_observer(const struct config_frozen *frozen)
{
    static struct event_observer last;

    last = frozen->log_level == LOG_LEVEL_DEBUG ? event_to_log() : (struct event_observer){0};
    audit_open(frozen->api.audit);
    return audit_observer(&last);
}

int config_open_metrics(const struct config_frozen *frozen, const struct config_live *live,
                        struct err *err)
{
    if (strings_has(&live->metrics.metrics, "off"))
        return 0;
    return metric_open(frozen->api.metrics_dir, frozen->store.root, frozen->store.file_mode, err);
}

const char *config_path(const struct strings *files)
{
    return files->n ? files->v[0] : NULL;
}

bool config_checks_logins(const struct config_live *live)
{
    return *live->passwd.htpasswd || *live->token.keys || live->token.n_issuers;
}

bool config_trusts_server(const struct config_live *live)
{
    const enum identity_remote_user said = live->identity.remote_user;

    if (said != IDENTITY_REMOTE_USER_AUTO)
        return said == IDENTITY_REMOTE_USER_TRUST;
    return !*live->passwd.htpasswd && (*live->token.keys || !live->token.n_issuers);
}
