/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/ (end-1): berth speaks the protocol, and has its store. */
#include "api/api.h"

int system_get(const struct api *api, struct request *request, const struct target *target,
               struct response *response, struct err *err)
{
    (void)request;
    (void)target;
    if (store_reach(api->store, err) < 0)
        return -1;
    response_header(response, "Content-Type", "application/json");
    response_text(response, "{}", 2);
    return 0;
}
