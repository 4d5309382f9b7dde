/* SPDX-License-Identifier: Apache-2.0
 *
 * Between key.c and key_jwks.c: public keys from their numbers. Each adds a key, or returns false
 * for one that is of no use.
 */
#ifndef BERTH_AUTH_KEY_MAKE_H
#define BERTH_AUTH_KEY_MAKE_H

#include "auth/key.h"

bool key_make_ed25519(struct key_set *set, const char *id, const void *x, size_t len);
bool key_make_p256(struct key_set *set, const char *id, const void *x, const void *y);
bool key_make_rsa(struct key_set *set, const char *id, const void *n, size_t n_len, const void *e,
                  size_t e_len);

/* The number of keys added from a JWKS, or -1; the message does not name the file. */
int key_add_jwks(struct key_set *set, const struct buf *text, struct err *err);

#endif
