/* SPDX-License-Identifier: Apache-2.0
 *
 * Users and password hashes in a file as htpasswd(1) writes it, checked with crypt_r(3) (libxcrypt,
 * which nobody else includes): bcrypt, SHA-crypt, yescrypt and what else that library knows.
 * Apache's own $apr1$ and {SHA} it does not know.
 */
#ifndef BERTH_AUTH_PASSWD_H
#define BERTH_AUTH_PASSWD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"

#include <stdbool.h>
#include <stdint.h>

struct passwd;

/* Reads the file; each user whose hash cannot be checked is logged with line and remedy, and cannot
 * log in. A verified password is remembered for cache_seconds, as a keyed hash. ERR_CONFIG. NULL on
 * error. */
struct passwd *passwd_load(const char *path, int64_t cache_seconds, struct err *err);
/* The same without the log. */
struct passwd *passwd_read(const char *path, int64_t cache_seconds, struct err *err);
void passwd_free(struct passwd *passwd);

/* Takes as long for an unknown user as for a wrong password. */
bool passwd_verify(struct passwd *passwd, const char *user, const char *password);

/* The first hash in the file that cannot be checked: ERR_CONFIG with line and remedy. */
int passwd_check(const struct passwd *passwd, struct err *err);
/* The nth of them from 0, so described; false: there are fewer. */
bool passwd_unusable(const struct passwd *passwd, size_t nth, struct err *why);

/* A bcrypt hash of the password; ERR_USAGE if bcrypt cannot take it whole (more than 72 bytes). */
int passwd_hash(const char *password, int cost, struct buf *hash, struct err *err);

/* Changes of the file, each atomic, keeping its mode, owner and all other lines. */
int passwd_set(const char *path, const char *user, const char *hash, struct err *err);
int passwd_remove(const char *path, const char *user, struct err *err); /* 0: no such user */
int passwd_users(const char *path, struct fs_names *users, struct err *err);

#endif
