/* SPDX-License-Identifier: Apache-2.0
 * L4: what pages of other origins may do. */
#include "api/cors.h"

#include <string.h>

#define ANY "*"

/* The answer's headers that a page may read, beyond those that every page may. */
#define EXPOSED                                                                                    \
    "Accept-Ranges, Content-Range, Docker-Content-Digest, Docker-Distribution-Api-Version, "       \
    "Docker-Upload-UUID, ETag, Link, Location, OCI-Filters-Applied, "                              \
    "OCI-Subject, OCI-Tag, Range, Retry-After, WWW-Authenticate"

/* The request's headers that it may set, beyond those that every page may. */
#define SETTABLE                                                                                   \
    "Accept, Cache-Control, Content-Range, Content-Type, If-Match, If-None-Match, If-Range, Range"

#define MAX_AGE "600" /* seconds for which a browser need not ask again */

static void add_preflight(const char *methods, bool trusted, struct response *response)
{
    response_header(response, "Access-Control-Allow-Methods", "%s", methods);
    response_header(response, "Access-Control-Allow-Headers", "%s",
                    trusted ? "Authorization, " SETTABLE : SETTABLE);
    response_header(response, "Access-Control-Max-Age", MAX_AGE);
}

void cors_add(const struct strings *origins, const struct request *request, const char *methods,
              struct response *response)
{
    const char *origin = request_header(request, "HTTP_ORIGIN");
    bool any = strings_has(origins, ANY);
    bool trusted = origin && strcmp(origin, ANY) != 0 && strings_has(origins, origin);

    if (origins->n > (size_t)any) /* caches keep one answer for each */
        response_header(response, "Vary", "Origin");
    if (!origin || !(trusted || any))
        return;
    response_header(response, "Access-Control-Allow-Origin", "%s", trusted ? origin : ANY);
    if (trusted)
        response_header(response, "Access-Control-Allow-Credentials", "true");
    response_header(response, "Access-Control-Expose-Headers", EXPOSED);
    if (methods && request_header(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD"))
        add_preflight(methods, trusted, response);
}
