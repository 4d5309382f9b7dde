/* SPDX-License-Identifier: Apache-2.0
 *
 * An account of which a program knows the password, as docker's credential helpers do
 * (docker-credential-ecr-login, docker-credential-pass): it is started as `PROGRAM get` with the
 * URL of the registry as its standard input, and answers {"Username": "...", "Secret": "..."}.
 *
 * What it said holds for some time, in a file of the state directory that only its owner may read,
 * for all processes; one of them asks while the others wait.
 */
#ifndef BERTH_REMOTE_HELPER_H
#define BERTH_REMOTE_HELPER_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct helper {
    const char *program; /* a path, or a name to be looked for in PATH; no shell, no arguments */
    const char *url;
    int64_t lifetime; /* seconds for which an answer holds */
    int timeout_ms;   /* then it is killed; also for the wait for another process */
    int state_fd;     /* -1: it is asked each time */
};

struct helper_account {
    struct buf user, password; /* helper_forget, which wipes them */
};
void helper_forget(struct helper_account *account);

/* is_anew: the account that *account holds was no good, and is not to come again; else *account is
 * {0}. CONFIG: it cannot be started, fails, or answers nothing of
 * sense; its own words are not in the message, since a password may be among them.
 * UPSTREAM_TIMEOUT. */
int helper_ask(const struct helper *helper, bool is_anew, struct helper_account *account,
               struct err *err);

#endif
