/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways in which a web server runs berth.fcgi.
 */
#ifndef BERTH_CGI_BIN_ADAPTER_H
#define BERTH_CGI_BIN_ADAPTER_H

#include "api/api.h"

/* Keeps n children running that call fastcgi_serve, until SIGTERM, SIGINT or SIGUSR1, which it
 * passes on; then waits for them. The store is opened by each child: locks do not survive a fork.
 * Returns an exit code. */
int workers_run(int n, const struct conf *conf);

/* Opens the store and serves as FastCGI. Returns an exit code. (main.c) */
int serve_socket(const struct conf *conf);

#endif
