/* SPDX-License-Identifier: Apache-2.0
 *
 * Users and password hashes in a file as htpasswd(1) writes it, checked with crypt_r(3) (libxcrypt,
 * which nobody else includes): bcrypt, SHA-crypt, yescrypt and what else that library knows, but
 * not DES, which sees 8 characters of a password and looks like a password itself. Apache's own
 * $apr1$ and {SHA} it does not know.
 *
 * Lines end in LF or CRLF; empty ones, comments (#) and what has no colon are passed over. The
 * first line of a user counts, as with the web servers.
 */
#ifndef BERTH_AUTH_PASSWD_H
#define BERTH_AUTH_PASSWD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>

#define PASSWD_FILE_MAX ((size_t)64 << 20) /* bytes; a longer file is an error */

/* Read again when the configuration changes. */
struct passwd_settings {
    char *htpasswd;           /* "": berth checks no passwords, the web server may */
    char *realm;              /* of berth's own Basic challenge */
    int64_t credential_cache; /* seconds for which a verified password is remembered */
};
extern const struct settings_table passwd_table;

struct passwd;

/* Reads the file, all of it or none; each user whose hash cannot be checked is logged with line and
 * remedy, and cannot log in. A verified password is remembered for cache_seconds, as a keyed hash.
 * ERR_CONFIG. NULL on error. */
struct passwd *passwd_load(const char *path, int64_t cache_seconds, struct err *err);
/* The same without the log. */
struct passwd *passwd_read(const char *path, int64_t cache_seconds, struct err *err);
void passwd_free(struct passwd *passwd);

/* Whoever is not let in, for whatever reason, waits for one hash of each kind (method and costs)
 * that users in the file have, and so for the dearest: how long it takes does not tell whether
 * there is such a user. A password of more than 72 bytes is never right where the hash is bcrypt's,
 * which does not see the rest. */
bool passwd_verify(struct passwd *passwd, const char *user, const char *password);

/* The nth hash in the file, from 0, that cannot be checked: ERR_CONFIG with line and remedy. False:
 * there are fewer. */
bool passwd_unusable(const struct passwd *passwd, size_t nth, struct err *why);

/* A bcrypt hash of the password; ERR_USAGE if bcrypt cannot take it whole (more than 72 bytes), or
 * for an empty one. */
int passwd_hash(const char *password, int cost, struct buf *hash, struct err *err);

#endif
