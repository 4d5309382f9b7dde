/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sends the bytes of a blob, and by which header the web server is told: what its own file says
 * (the variable BERTH_SENDFILE of a request, as by nginx' fastcgi_param) before what the workers
 * were configured with.
 */
#ifndef BERTH_API_SENDER_H
#define BERTH_API_SENDER_H

#include "api/api.h"

/* A header that this server does not know would leave clients with an empty body: it is then OFF,
 * and the log says so, once in each process. */
enum api_sendfile sender_choose(const struct api *api, const struct request *request);

#endif
