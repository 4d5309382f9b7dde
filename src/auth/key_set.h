/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and the files that they are in. Set to {0}; key_set_free returns a set to that state.
 */
#ifndef BERTH_AUTH_KEY_SET_H
#define BERTH_AUTH_KEY_SET_H

#include "auth/key.h"
#include "base/strings.h"

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
/* Adds the paths of the files that it reads there, in that order. */
int key_set_list(const char *path, struct strings *files, struct err *err);
void key_set_free(struct key_set *set);

/* Makes a private key, algorithm "EdDSA" or "ES256", as <dir>/<id>.pem with mode 0640, for owner
 * and group to read. An existing file is an error. */
int key_set_generate(const char *dir, const char *id, const char *algorithm, struct err *err);

#endif
