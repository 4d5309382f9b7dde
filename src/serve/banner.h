/* SPDX-License-Identifier: Apache-2.0
 *
 * What `berth serve` says once it serves: where, what is stored where, and how to try it.
 */
#ifndef BERTH_SERVE_BANNER_H
#define BERTH_SERVE_BANNER_H

#include "api/config.h"
#include "serve/serve.h"

/* How it is served. */
struct banner {
    const struct serve_options *options;
    const struct config *conf;
    const struct listener *listener;
    const struct serve_tls *tls;
    const struct serve_login *login;
    bool became_owner; /* root no longer */
};

/* Prints it; context: a struct banner. */
void banner_print(const void *context);

#endif
