/* SPDX-License-Identifier: Apache-2.0
 *
 * The scope of a robot's token, as it is typed.
 */
#ifndef BERTH_ADMIN_TOKEN_SCOPE_H
#define BERTH_ADMIN_TOKEN_SCOPE_H

#include "api/config.h"
#include "base/err.h"

/* ERR_USAGE for what is no scope. A server passes over what it does not know; here it is a slip of
 * the pen. */
int token_scope_check(const char *text, struct err *err);

/* Says on standard error which actions of the scope the rules do not let this user do, whatever a
 * token says. Where it is a glob, names that fit it and each rule are tried. */
int token_scope_warn(const struct config_live *live, const char *user, const char *text,
                     struct err *err);

#endif
