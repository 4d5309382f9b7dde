/* SPDX-License-Identifier: Apache-2.0
 * L4: what pages of other origins may do. */
#include "api/cors.h"

#include <string.h>

#define ANY "*"

/* As browsers write it (RFC 6454, section 6.2). */
static bool is_origin(const char *value, const char **must)
{
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    const char *rest = strstr(value, "://");

    *must = "must be like \"https://ui.example\", in lower case and without a path, or \"*\"";
    if (!strcmp(value, ANY))
        return true;
    return rest && (!strncmp(value, "http://", 7) || !strncmp(value, "https://", 8)) && rest[3] &&
           !rest[3 + strspn(rest + 3, host)];
}

static const struct settings_key keys[] = {
    SETTINGS_CHECKED_LIST(struct cors_settings, origins, "cors", is_origin),
    SETTINGS_END,
};

const struct settings_table cors_table = SETTINGS_TABLE(struct cors_settings, keys, NULL);

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
