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

#include "auth/scope.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/strings.h"

#include <time.h>

struct tokens;

/* Reads all keys. ERR_CONFIG. NULL on error. */
struct tokens *tokens_load(const struct conf *conf, struct err *err);
void tokens_free(struct tokens *tokens);
bool tokens_can_issue(const struct tokens *tokens);

/* Who shows this token. Strings belong to the arena. ERR_UNAUTHORIZED. */
int token_identify(const struct tokens *tokens, const char *text, struct arena *arena,
                   struct identity *identity, struct err *err);

/* Issues a token for a few minutes. *expires_in: seconds. */
int token_issue(const struct tokens *tokens, const char *user, const struct scopes *scopes,
                struct buf *token, int64_t *expires_in, struct err *err);

/* Robots. A robot's name is [A-Za-z0-9][A-Za-z0-9._-]{0,63}; issuing one again revokes the old
 * token. ERR_USAGE. */
struct robot {
    const char *name;
    const char *user;
    const char *scope; /* as scope_parse reads it; names may be globs */
    int64_t issued;    /* both in seconds since the epoch */
    int64_t expires;
};
int token_issue_robot(const struct tokens *tokens, const struct robot *robot, struct buf *token,
                      struct err *err);
int token_revoke_robot(const char *token_keys, const char *name,
                       struct err *err); /* 0: no such robot */
int token_list_robots(const char *token_keys, struct strings *names, struct err *err);
/* The robot's file, JSON with jti, user, scope, expires. */
int token_read_robot(const char *token_keys, const char *name, struct buf *json, struct err *err);
/* The same as what it holds; json_free. NULL if there is none, ERR_NOT_FOUND, or it is damaged. */
struct json *token_robot_read(const char *token_keys, const char *name, struct err *err);

#endif
