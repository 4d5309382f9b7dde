/* SPDX-License-Identifier: Apache-2.0
 *
 * What the web server refused by itself, before berth saw the request. lighttpd hands such requests
 * to its server.error-handler, which etc/lighttpd-berth.conf sets to SERVER_ERROR_PATH: its method
 * is then GET, REDIRECT_STATUS says why it was refused, and REQUEST_URI what was asked for. Clients
 * get the specification's errors so ("Error Codes"), whoever made them.
 */
#ifndef BERTH_API_SERVER_ERROR_H
#define BERTH_API_SERVER_ERROR_H

#include "http/request.h"
#include "http/response.h"

/* A repository's name has no component that begins so, so that it hides nothing. */
#define SERVER_ERROR_PATH "/v2/_error"

/* Whether this is such a request, and no client that asks for the path. */
bool server_error_is(const struct request *request);

/* lighttpd refuses a POST without Content-Length (411), which is how `curl -X POST` begins an
 * upload. If it is that, makes the request what it was and returns true. The web server looked at
 * SERVER_ERROR_PATH and not at the path that was asked for, so nothing else is taken up again: an
 * upload that is begun gives nothing to him who may not go on with it. */
bool server_error_undo(struct request *request);

/* Answers with the status and the reason. A method that the web server does not know is 405, as of
 * other servers, which let it pass; for which path nobody knows, so what may be allowed at all is
 * said. */
void server_error_answer(const struct request *request, struct response *response);

#endif
