/* SPDX-License-Identifier: Apache-2.0
 *
 * Between token.c and token_robot.c: the files that say which robots' tokens are valid.
 */
#ifndef BERTH_AUTH_TOKEN_ROBOT_H
#define BERTH_AUTH_TOKEN_ROBOT_H

#include "auth/token.h"

/* Whether jti is the one that the robot's file names. Anything else, also an unreadable file, is
 * "no". */
bool token_robot_is_current(const char *token_keys, const char *name, const char *jti);
int token_robot_save(const char *token_keys, const struct robot *robot, const char *jti,
                     struct err *err);

#endif
