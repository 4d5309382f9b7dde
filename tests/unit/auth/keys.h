/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and tokens for tests: made with openssl(1) for nothing else, and those of the RFCs.
 */
#ifndef BERTH_UNIT_AUTH_KEYS_H
#define BERTH_UNIT_AUTH_KEYS_H

#include "auth/key_set.h"

/* PEM. The certificate, the encrypted key and the public key are of p256_private. */
extern const char keys_rsa_private[];
extern const char keys_rsa_private_pkcs1[];
extern const char keys_rsa_public[];
extern const char keys_rsa_public_1024[];
extern const char keys_rsa_public_2047[];
extern const char keys_rsa_pss_public[];
extern const char keys_p256_private[];
extern const char keys_p256_public[];
extern const char keys_p256_certificate[];
extern const char keys_p256_encrypted[];
extern const char keys_p384_public[];
extern const char keys_x25519_public[];
extern const char keys_ed25519_private[];
extern const char keys_ed25519_public[];

/* The same keys' numbers, base64url. The exponent of RSA is 65537, "AQAB". */
extern const char keys_rsa_n[];
extern const char keys_rsa_1024_n[];
extern const char keys_rsa_8200_n[];
extern const char keys_p256_x[];
extern const char keys_p256_y[];
extern const char keys_ed25519_x[];

/* {"alg":"HS256"}, signed with the text of keys_ed25519_public, and with the bytes of that key. */
extern const char keys_hs256_by_pem[];
extern const char keys_hs256_by_bytes[];

/* RFC 8037, appendix A.1, A.2, A.4 ("Example of Ed25519 signing"). */
extern const char keys_rfc8037_jwks[];
extern const char keys_rfc8037_private[];
extern const char keys_rfc8037_jws[];

/* RFC 7515, appendix A.2, A.3: {"iss":"joe","exp":1300819380,...}. */
extern const char keys_rfc7515_rs256_jwks[];
extern const char keys_rfc7515_rs256[];
extern const char keys_rfc7515_es256_jwks[];
extern const char keys_rfc7515_es256[];

/* Adds the keys of a text by way of a file in dir. */
int keys_add(struct key_set *set, const char *dir, const char *text);
/* A token of this header and payload, JSON or not, signed by the key. */
void keys_sign(const struct key *key, const char *header, const char *payload, struct buf *token);

#endif
