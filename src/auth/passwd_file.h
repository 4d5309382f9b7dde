/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of an htpasswd file (auth/passwd.h), each atomic and durable, keeping its mode, owner and
 * all other lines. Of a symbolic link, the file that it leads to is replaced. Two at once do not
 * lose a change: the file is locked meanwhile, ERR_BUSY after 10 seconds.
 */
#ifndef BERTH_AUTH_PASSWD_FILE_H
#define BERTH_AUTH_PASSWD_FILE_H

#include "base/err.h"
#include "base/strings.h"

#include <sys/types.h>

/* Whether the user may be there already. */
enum passwd_file_user { PASSWD_FILE_EITHER, PASSWD_FILE_NEW, PASSWD_FILE_KNOWN };

/* Makes a file where there is none, with mode 0640 and for this group, and leaves the user one
 * line. group: -1 is the group of whoever makes it. ERR_USAGE for a user or hash that cannot stand
 * in such a file, and for one who is to be new and is not, ERR_NOT_FOUND for one who is not known.
 */
int passwd_file_set(const char *path, const char *user, const char *hash,
                    enum passwd_file_user which, gid_t group, struct err *err);
/* Whether passwd_file_set would find the user as he is to be, before somebody types a password. */
int passwd_file_check(const char *path, const char *user, enum passwd_file_user which,
                      struct err *err);
int passwd_file_remove(const char *path, const char *user, struct err *err); /* 0: no such user */
/* The users, each once, in byte order. A file that is not there has none. */
int passwd_file_users(const char *path, struct strings *users, struct err *err);

#endif
