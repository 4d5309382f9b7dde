/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: which berth issues itself, for a few minutes to whoever logs in (the Docker Registry v2
 * token protocol) or for long to a robot, and those of external issuers. A token narrows what its
 * user may do; the rules are asked again at each request.
 *
 * The directory of keys holds <id>.pem (the last in order of names signs, all verify) and
 * robots/<name>, one file for each robot's token that has not been revoked.
 */
#ifndef BERTH_AUTH_TOKEN_H
#define BERTH_AUTH_TOKEN_H

#include "auth/robot.h"
#include "auth/scope.h"
#include "base/settings.h"

#include <time.h>

/* issuer "ISS" { keys = FILE  audience = TEXT  prefix = TEXT }: an external token server. */
struct token_issuer {
    char *iss;
    struct settings_place place;
    char *keys;     /* PEM or JWKS file */
    char *audience; /* "": the service */
    char *prefix;   /* before the names of its users */
};

/* Read again when the configuration changes. */
struct token_settings {
    char *keys;       /* directory of signing keys; "": no token endpoint */
    char *realm;      /* absolute URL of the token endpoint; "": from the request */
    char *service;    /* audience of the tokens */
    int64_t lifetime; /* seconds */
    struct token_issuer *issuers;
    size_t n_issuers;
};
extern const struct settings_table token_table;

struct tokens;

/* Reads all keys. The settings must outlive the tokens. ERR_CONFIG. NULL on error. */
struct tokens *token_load(const struct token_settings *settings, struct err *err);
void token_free(struct tokens *tokens);
bool token_can_issue(const struct tokens *tokens);

/* Who shows this token, as it counted at `when` (seconds since 1970). Strings belong to the arena.
 * ERR_UNAUTHORIZED. */
int token_identify(const struct tokens *tokens, const char *text, int64_t when, struct arena *arena,
                   struct identity *identity, struct err *err);

/* The same for a token that counted at some time from `since` on, and may have ended. */
int token_identify_since(const struct tokens *tokens, const char *text, int64_t since,
                         struct arena *arena, struct identity *identity, struct err *err);

/* Issues a token for a few minutes. *expires_in: seconds. */
int token_issue(const struct tokens *tokens, const char *user, const struct scopes *scopes,
                struct buf *token, int64_t *expires_in, struct err *err);

/* The same for a robot, for as long as it says; an earlier token of this name ends. ERR_USAGE for a
 * name or scope that cannot be. */
int token_issue_robot(const struct tokens *tokens, const struct robot *robot, struct buf *token,
                      struct err *err);

#endif
