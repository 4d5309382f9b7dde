/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to a registry, as a client that only wants to know whether it is there.
 */
#ifndef BERTH_SERVE_ASK_H
#define BERTH_SERVE_ASK_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct ask {
    const char *host, *port; /* a name or an address, without brackets */
    bool tls;                /* whoever it is by: nothing secret is said */
    const char *path;
    int seconds; /* for each step */
};

/* GETs the path; *status: HTTP's, *body: what follows, of a long one its beginning. Redirections
 * are not followed. ERR_UNREACHABLE: nobody answers, or not in HTTP. */
int ask_get(const struct ask *ask, int *status, struct buf *body, struct err *err);

#endif
