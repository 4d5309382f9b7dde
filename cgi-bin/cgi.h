/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain CGI adapter (RFC 3875): one request a process.
 */
#ifndef BERTH_CGI_BIN_CGI_H
#define BERTH_CGI_BIN_CGI_H

#include "api/api.h"

/* Answers the one request that environment, stdin and stdout hold. Returns an exit code. */
int cgi_serve(const struct api *api);

#endif
