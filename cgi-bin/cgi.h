/* SPDX-License-Identifier: Apache-2.0
 *
 * The plain CGI adapter (RFC 3875): one request a process.
 */
#ifndef BERTH_CGI_BIN_CGI_H
#define BERTH_CGI_BIN_CGI_H

#include "api/api.h"

/* Whether the request asks how this program is, by what is in the environment. */
bool cgi_is_probe(void);
/* Answers the one request that environment, stdin and stdout hold. Returns an exit code. */
int cgi_serve(const struct api *api);

#endif
