/* SPDX-License-Identifier: Apache-2.0
 *
 * In the place of a registry:2: with its config.yml, its environment and its arguments.
 */
#ifndef BERTH_SERVE_STAND_IN_H
#define BERTH_SERVE_STAND_IN_H

#include "distribution/distribution.h"

struct stand_in {
    struct distribution distribution;
    struct buf listen;         /* as of listener_open */
    struct buf first_password; /* of first_login_make, which is to be said; empty: none was made */
};
#define AUTO_STAND_IN __attribute__((cleanup(stand_in_free))) struct stand_in

/* Reads what registry:2 would, and sets BERTH_CONF to what of it berth's programs are to read: a
 * file in memory, for as long as this process lives and those that it starts. A berth.conf that is
 * there is included: own, or NULL for the usual one.
 *
 * args, NULL at the end: registry:2's image takes the file, `serve`, or both. Without a file it is
 * $REGISTRY_CONFIGURATION_PATH, or else DISTRIBUTION_FILE if that is there.
 *
 * ERR_CONFIG: something has no equal, cannot be, or is not there to be read; ERR_USAGE. Set to {0};
 * stand_in_free afterwards, also after an error. */
int stand_in_prepare(struct stand_in *stand_in, char **args, const char *own, struct err *err);
/* Prints the password of a file that was made. */
void stand_in_say(const struct stand_in *stand_in);
/* Passes on why it cannot serve. What a registry:2 wrote belongs to root, as whom its image runs:
 * where that is the reason, it is added. Always -1. */
int stand_in_explain(const struct stand_in *stand_in, const struct err *why, struct err *err);
void stand_in_free(struct stand_in *stand_in);

#endif
