/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes a request, and what he is let do (berth.conf(5), "Access rules"). The same questions
 * guard every route; a repository that one may not read is answered as one that does not exist.
 *
 * Identity is, in this order: a Bearer token, where berth knows tokens; Basic, where berth checks
 * passwords (a robot's token is a password too); REMOTE_USER, which the web server verified, where
 * its word counts (config_trusts_server); nobody. An Authorization header that nobody checked
 * proves nothing.
 */
#ifndef BERTH_API_ACCESS_H
#define BERTH_API_ACCESS_H

#include "api/api.h"

/* The variable by which an authorizer tells the responder when it let the request pass. */
#define ACCESS_ALLOWED_AT "BERTH_ALLOWED_AT"

/* What a route wants to do. */
enum access {
    ACCESS_PING = 0x100,
    ACCESS_CATALOG = 0x200,
    ACCESS_TOKEN = 0x400,  /* whoever has the right password */
    ACCESS_HEALTH = 0x800, /* whoever asks, whatever he shows */
    ACCESS_PULL = ACTION_PULL,
    ACCESS_PUSH = ACTION_PUSH,
    ACCESS_DELETE = ACTION_DELETE,
};

/* Sets api->rules, api->who and api->how. ERR_UNAUTHORIZED: what was shown is wrong, expired or
 * revoked. */
int access_identify(struct api *api, struct request *request, struct err *err);

/* The same, after that, for a token that has ended but counted at some time from `since` (seconds
 * since 1970) on. -1: it is none, and nothing is changed. */
int access_identify_since(struct api *api, struct request *request, int64_t since);

/* The user of these credentials; false if they are wrong. A password that is a robot's token counts
 * as that. */
bool access_password(const struct api *api, struct arena *arena, const char *user,
                     const char *password, struct identity *identity);

/* 1: permitted. 0: he may not read this, and shall not know that it exists. ERR_UNAUTHORIZED: a
 * login, or a token for more, could help. ERR_DENIED. */
int access_permit(const struct api *api, enum access access, const struct name *name,
                  struct err *err);

/* The same question about other repositories that a handler comes across. */
bool access_permits(const struct api *api, const struct name *name, enum action action);
/* What the verbs work on: with the same and more for them to ask, and who makes the request. Valid
 * as long as *api and the request. */
struct registry access_registry(const struct api *api, const struct request *request);

/* Adds WWW-Authenticate: a token for what the route wants to do, or a password. */
void access_challenge(const struct api *api, const struct request *request, enum access access,
                      const struct name *name, struct response *response);

/* One line for fail2ban: `denied: client ADDRESS: REASON: user "NAME" METHOD "PATH"`, with what a
 * client chose at its end, in quotes, escaped, and cut. */
void access_log_denial(const struct api *api, const struct request *request, const struct err *err);

#endif
