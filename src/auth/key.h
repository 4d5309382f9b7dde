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

struct key_set {
    struct key **v;
    size_t n;
};

/* Adds the keys of a file: one or more in PEM (public or private keys, or certificates, whose dates
 * don't count), or a JWKS (RFC 7517; keys of other kinds, algorithms or uses are passed over).
 * ERR_CONFIG, also where nothing was added. */
int key_set_add_file(struct key_set *set, const char *path, struct err *err);
/* Adds the private keys of a directory, each from <id>.pem, in the order of their names. All can
 * sign; another kind of key there is an ERR_CONFIG. */
int key_set_add_dir(struct key_set *set, const char *path, struct err *err);
void key_set_free(struct key_set *set);

/* Makes a private key, algorithm "EdDSA" or "ES256", as <dir>/<id>.pem with mode 0640, for owner
 * and group to read. An existing file is an error. */
int key_generate(const char *dir, const char *id, const char *algorithm, struct err *err);

const char *key_id(const struct key *key);        /* "" if it has none */
const char *key_algorithm(const struct key *key); /* "EdDSA", "ES256", "RS256" */

/* Signatures as JWS has them (RFC 7515): for ES256 r and s, 32 bytes each. */
int key_sign(const struct key *key, const void *bytes, size_t len, struct buf *signature,
             struct err *err);
bool key_verify(const struct key *key, const void *bytes, size_t len, const void *signature,
                size_t signature_len);

#endif
