/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that sign and verify tokens (RFC 7518, RFC 8037), over libcrypto: Ed25519 (EdDSA), P-256
 * (ES256) and, only to verify, RSA of 2048 bits and more (RS256). A key has one algorithm, whatever
 * a token says.
 */
#ifndef BERTH_AUTH_KEY_H
#define BERTH_AUTH_KEY_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct key;

/* Each makes a key, NULL from what is of no use. key_free afterwards. id: "" if it has none. */

/* From a block of a PEM file: a private or public key, or a certificate, whose dates don't count.
 */
struct key *key_of_der(const char *kind, const unsigned char *der, long len, const char *id);
/* Public keys from their numbers; of P-256 32 bytes each. */
struct key *key_of_ed25519(const void *x, size_t len, const char *id);
struct key *key_of_p256(const void *x, const void *y, const char *id);
struct key *key_of_rsa(const void *n, size_t n_len, const void *e, size_t e_len, const char *id);
void key_free(struct key *key);

/* Appends a new private key, algorithm "EdDSA" or "ES256", as PEM. ERR_USAGE for others. */
int key_generate(const char *algorithm, struct buf *pem, struct err *err);

const char *key_id(const struct key *key);
const char *key_algorithm(const struct key *key); /* "EdDSA", "ES256", "RS256" */

/* Signatures as JWS has them (RFC 7515): for ES256 r and s, 32 bytes each. */
int key_sign(const struct key *key, const void *bytes, size_t len, struct buf *signature,
             struct err *err);
bool key_verify(const struct key *key, const void *bytes, size_t len, const void *signature,
                size_t signature_len);

#endif
