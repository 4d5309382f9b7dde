/* SPDX-License-Identifier: Apache-2.0
 *
 * The FastCGI adapter, the only user of fcgiapp.h: one request at a time in a process, and no
 * connection is kept between them.
 */
#ifndef BERTH_CGI_BIN_FASTCGI_H
#define BERTH_CGI_BIN_FASTCGI_H

#include "api/api.h"
#include "pool.h"

/* Serves requests on the listening socket at descriptor 0 until SIGTERM, SIGINT or SIGUSR1; the
 * request that is being served then is finished first. Who may connect is asked of peer.h,
 * before anything is read of what he says. worker:
 * in its pool, NULL without one. Returns an exit code. */
int fastcgi_serve(const struct api *api, struct pool_worker *worker);

#endif
