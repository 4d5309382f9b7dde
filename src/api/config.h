/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration, berth.conf(5): the tables of all owners, put together for the registry's
 * program and for commands. What is read once and what is read again are two types: who holds what
 * is frozen may hold it for as long as the program runs; what is live belongs to whoever asks at
 * each request (guard.h), or to a command that reads it once.
 */
#ifndef BERTH_API_CONFIG_H
#define BERTH_API_CONFIG_H

#include "api/api_settings.h"
#include "api/client.h"
#include "api/cors.h"
#include "api/metrics.h"
#include "auth/identity.h"
#include "auth/passwd.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "base/log.h"
#include "cache/upstream.h"
#include "event/event.h"
#include "registry/retain.h"
#include "store/store_settings.h"

struct config_frozen {
    struct store_settings store;
    struct api_settings api;
    enum log_level log_level;
};

struct config_live {
    struct client_settings client;
    struct metrics_settings metrics;
    struct cors_settings cors;
    struct identity_settings identity;
    struct policy_settings policy;
    struct passwd_settings passwd;
    struct token_settings token;
    struct retain_settings retain;
    struct upstream_settings upstreams;
};

/* Both, for commands. */
struct config {
    struct strings files; /* that were read, see settings_read */
    struct config_frozen frozen;
    struct config_live live;
};

/* Each reads path as settings_read does, and refuses a mistake in any setting, whoever's it is.
 * ERR_CONFIG names file, line and remedy. *files is to be {0}. Free afterwards, also after an
 * error. */
int config_read(struct config *config, const char *path, struct err *err);
int config_read_frozen(struct config_frozen *frozen, struct strings *files, const char *path,
                       struct err *err);
int config_read_live(struct config_live *live, struct strings *files, const char *path,
                     struct err *err);
void config_free(struct config *config);
void config_free_frozen(struct config_frozen *frozen);
void config_free_live(struct config_live *live);

/* The configuration itself, of the files that were read; NULL: there is none. */
const char *config_path(const struct strings *files);

/* Whether berth itself checks logins: passwords, its own tokens, or others'. Else whoever the web
 * server lets in is in. */
bool config_checks_logins(const struct config_live *live);

/* Whether a user whom the web server names is that user. By default not where no web server is to
 * check logins: where berth has passwords of its own, or all come with tokens of an issuer. */
bool config_trusts_server(const struct config_live *live);

/* Who is told what is changed: the audit, which is opened, and the log where it is for debugging.
 */
struct event_observer config_observer(const struct config_frozen *frozen);
/* Opens the counters of the store, as metric_open, unless metrics are off. */
int config_open_metrics(const struct config_frozen *frozen, const struct config_live *live,
                        struct err *err);

#endif
