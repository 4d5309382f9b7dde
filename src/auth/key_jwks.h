/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037).
 */
#ifndef BERTH_AUTH_KEY_JWKS_H
#define BERTH_AUTH_KEY_JWKS_H

#include "auth/key.h"
#include "base/json.h"

/* The public key that one member of a JWKS is; key_free. NULL if it is of another kind, algorithm
 * or use, or of none. */
struct key *key_jwks(const struct json *jwk);

#endif
