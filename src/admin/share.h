/* SPDX-License-Identifier: Apache-2.0
 *
 * For whom a file with passwords or keys is, besides root who makes it: the group of the web
 * server's workers has to read it.
 */
#ifndef BERTH_ADMIN_SHARE_H
#define BERTH_ADMIN_SHARE_H

#include "api/config.h"
#include "base/err.h"

#include <sys/types.h>

#define SHARE_NOBODY ((gid_t)-1)

/* An option of the commands that make such files: `const char *group`. */
#define SHARE_ROW(type)                                                                            \
    OPTIONS_ROW(type, group, 0, "group", "GROUP",                                                  \
                "who may read what is made (default, for root: the data directory's group)")

/* The group of this name or number, or where it is NULL, for root, that of the configuration's data
 * directory unless it is root's; SHARE_NOBODY where neither says one. conf: NULL: there is none.
 * ERR_USAGE: there is no such group. */
int share_group(const char *name, const struct config *conf, gid_t *group, struct err *err);
/* Gives it to that group, if it is one. */
int share_give(const char *path, gid_t group, struct err *err);
/* Says on standard error for which group that which was made is, or that it is for root only. */
void share_say(const char *path, gid_t group);

#endif
