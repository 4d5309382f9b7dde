/* SPDX-License-Identifier: Apache-2.0
 *
 * Robots' tokens, for the commands that list them.
 */
#ifndef BERTH_ADMIN_ROBOT_H
#define BERTH_ADMIN_ROBOT_H

#include "base/err.h"
#include "base/json.h"

/* A robot's file: an object with user, scope, expires. json_free. NULL if there is none any more,
 * or it is damaged: then *err says so. */
struct json *robot_read(const char *token_keys, const char *name, struct err *err);

#endif
