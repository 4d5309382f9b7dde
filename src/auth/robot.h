/* SPDX-License-Identifier: Apache-2.0
 *
 * Robots, whose tokens are good for long: <token_keys>/robots/<name> is the file of each token that
 * has not been revoked, JSON with jti, user, scope, expires. A robot's name is
 * [A-Za-z0-9][A-Za-z0-9._-]{0,63}, ERR_USAGE for others. token_keys is the directory of keys.
 */
#ifndef BERTH_AUTH_ROBOT_H
#define BERTH_AUTH_ROBOT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stdint.h>

struct robot {
    const char *name;
    const char *user;
    const char *scope; /* as scope_parse reads it; names may be globs */
    int64_t issued;    /* both in seconds since the epoch */
    int64_t expires;
};

/* Makes jti the one good token of the robot. */
int robot_save(const char *token_keys, const struct robot *robot, const char *jti, struct err *err);
/* Whether jti is the one that the robot's file names. Anything else, also an unreadable file, is
 * "no". */
bool robot_is_current(const char *token_keys, const char *name, const char *jti);
/* Ends it. 0: no such robot. */
int robot_revoke(const char *token_keys, const char *name, struct err *err);

int robot_list(const char *token_keys, struct strings *names, struct err *err);
/* Appends the robot's file. 0: no such robot. */
int robot_text(const char *token_keys, const char *name, struct buf *json, struct err *err);
/* The same as what it holds; json_free. NULL if there is none, ERR_NOT_FOUND, or it is damaged. */
struct json *robot_read(const char *token_keys, const char *name, struct err *err);

#endif
