/* SPDX-License-Identifier: Apache-2.0
 *
 * All that decides who may do what, read from the configuration and read again when one of its
 * files changes: berth.conf and what it includes, the group file, the htpasswd file, the directory
 * of keys and each key in it, and the issuers' key files. A change that cannot be read opens
 * nothing: what was last good stays, all of it, and the log says so once. The same for a berth.conf
 * that is empty, as while it is being written, or gone.
 */
#ifndef BERTH_API_GUARD_H
#define BERTH_API_GUARD_H

#include "api/config.h"

/* Valid until the next guard_rules. */
struct rules {
    struct config_live live;
    struct strings files; /* of the configuration */
    struct policy *policy;
    struct passwd *passwd;  /* NULL: berth checks no passwords */
    struct tokens *tokens;  /* NULL: there are no tokens */
    struct strings written; /* the configuration's files that are not empty */
};

struct guard;

/* config as for config_read. ERR_CONFIG. NULL on error. */
struct guard *guard_new(const char *config, struct err *err);
void guard_free(struct guard *guard);

/* Looks at the files, a stat(2) each. */
const struct rules *guard_rules(struct guard *guard);

#endif
