/* SPDX-License-Identifier: Apache-2.0
 *
 * What registry:2 (2.6 and newer) does where the htpasswd file that it is told of is missing: it
 * makes one, with a single user and a random password, which its log has once.
 */
#ifndef BERTH_SERVE_FIRST_LOGIN_H
#define BERTH_SERVE_FIRST_LOGIN_H

#include "base/buf.h"
#include "base/err.h"

#define FIRST_LOGIN_USER "docker"

/* Makes the file, mode 0600, and the directories that it is to be in, 0700, and appends the
 * password. 1: it was made; 0: something is there already. Where root makes it, it belongs to whom
 * `root`, the data directory, belongs to, since as that one it is served. ERR_CONFIG: it cannot be
 * made. */
int first_login_make(const char *path, const char *root, struct buf *password, struct err *err);

#endif
