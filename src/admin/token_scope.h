/* SPDX-License-Identifier: Apache-2.0
 *
 * The scope of a robot's token, as it is typed.
 */
#ifndef BERTH_ADMIN_TOKEN_SCOPE_H
#define BERTH_ADMIN_TOKEN_SCOPE_H

#include "base/err.h"

/* ERR_USAGE for what is no scope. A server passes over what it does not know; here it is a slip of
 * the pen. */
int token_scope_check(const char *text, struct err *err);

#endif
