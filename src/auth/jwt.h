/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON Web Tokens, signed (RFC 7519, RFC 7515, with the rules of RFC 8725): the algorithm is the
 * key's, never the token's wish; a key is never taken from the token or a place that it names.
 */
#ifndef BERTH_AUTH_JWT_H
#define BERTH_AUTH_JWT_H

#include "auth/key_set.h"
#include "base/json.h"

#include <time.h>

/* Clocks of two hosts may differ by so many seconds. */
#define JWT_LEEWAY 60

/* Appends a token with these claims, a JSON object. */
int jwt_sign(const struct key *key, const struct buf *claims, struct buf *token, struct err *err);

/* The claims that the token shows, verified or not: only to find out whose keys to verify it with.
 * NULL if it is no token. */
struct json *jwt_peek(const char *token);

/* Verifies the signature by one of the keys, `exp` and `nbf` at `now`, and returns the claims
 * (json_free). Every token must expire. NULL with ERR_UNAUTHORIZED. */
struct json *jwt_verify(const struct key_set *keys, const char *token, time_t now, struct err *err);

#endif
