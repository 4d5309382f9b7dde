/* SPDX-License-Identifier: Apache-2.0
 *
 * An exchange: one request and its answer, the same whichever way a web server runs this program.
 *
 *     variables -> request -> identity -> route, verb (route_answer) -> response -> bytes, log line
 *
 * An adapter knows one way (FastCGI in fastcgi.c, CGI in cgi.c) and nothing of requests and
 * responses: it reads variables, reads the body, and writes bytes. Everything that is to hold for
 * each request belongs here or into route_answer, never into an adapter.
 */
#ifndef BERTH_CGI_BIN_EXCHANGE_H
#define BERTH_CGI_BIN_EXCHANGE_H

#include "api/api.h"

/* What an adapter brings, all of it valid until exchange_run returns. */
struct exchange_adapter {
    char *const *variables; /* "NAME=value", NULL at the end (RFC 3875, section 4.1) */
    body_read_fn *read;     /* a body that broke off must not end like a complete one: -1 */
    void *from;
    response_write_fn *write;
    void *to;
    bool drain; /* the server may still be sending the body and read no answer before it is taken */
};

/* Whether the time is over that the body may take (request.body_seconds), or a part of the answer
 * (api_settings.client_timeout): what a signal interrupts is then to end with -1. */
bool exchange_is_late(void);

/* Answers the request, whatever it is, and frees all that belongs to it. Errors become answers, and
 * lines of the log (route_answer); a line of level debug tells of each exchange, and one of level
 * info if the answer could not be delivered. False: it could not, and what is left of it must not
 * be waited for. */
bool exchange_run(const struct api *api, const struct exchange_adapter *adapter);

/* Answers a request that is not to be looked at, with this error, which route_refuse logs. */
void exchange_refuse(const struct exchange_adapter *adapter, const struct err *err);

#endif
