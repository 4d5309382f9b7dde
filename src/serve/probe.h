/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a registry is well, as it says itself.
 */
#ifndef BERTH_SERVE_PROBE_H
#define BERTH_SERVE_PROBE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct probe {
    /* "ADDR:PORT", "[IPV6]:PORT", ":PORT", "PORT"; NULL: where `berth registry` would listen, by
     * registry:2's file and environment, or else `berth serve` */
    const char *address;
    bool tls;    /* by TLS; also if that file and environment say so */
    bool live;   /* whether it answers, rather than whether it could take a push */
    int seconds; /* to wait for each step */
};

/* Appends to *where which one was asked. ERR_NOT_WELL: it is not, or nobody answers; ERR_USAGE,
 * ERR_CONFIG. */
int probe_ask(const struct probe *probe, struct buf *where, struct err *err);

#endif
