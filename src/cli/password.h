/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a new password: typed twice on a terminal, without echo, or else the first line of
 * standard input. Never from the command line, which every user of the machine can read.
 */
#ifndef BERTH_CLI_PASSWORD_H
#define BERTH_CLI_PASSWORD_H

#include "base/err.h"

/* Longer than any that bcrypt takes. Wiped when it goes out of scope. */
struct password {
    char s[256];
};
#define AUTO_PASSWORD __attribute__((cleanup(password_wipe))) struct password
void password_wipe(struct password *password);

/* ERR_USAGE: the two differ, or it is too long. */
int password_ask(struct password *password, const char *user, struct err *err);

#endif
