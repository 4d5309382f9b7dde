/* SPDX-License-Identifier: Apache-2.0
 * L4: conditional requests. */
#include "api/conditional.h"

#include "http/header.h"

#include <string.h>

bool conditional_not_modified(const struct request *request, const struct digest *digest,
                              struct response *response)
{
    const char *known = request_header(request, "HTTP_IF_NONE_MATCH");

    response_header(response, "Docker-Content-Digest", "%s", digest->s);
    response_header(response, "ETag", "\"%s\"", digest->s);
    if (!known || !header_etag_matches(known, digest->s, true, ETAG_WEAK))
        return false;
    response->status = 304;
    return true;
}

/* Whether nobody would get it, too. A login at the web server is not known beforehand, so whoever
 * came by one may be the only one. */
static bool is_public(const struct api *api, const struct name *name)
{
    const struct identity nobody = {.user = ""};

    return !(api->how && !strcmp(api->how, "server")) &&
           policy_permits(api->rules->policy, &nobody, name, ACTION_PULL);
}

void conditional_cache(const struct api *api, const struct name *name, struct response *response)
{
    response_header(response, "Cache-Control", "%s, max-age=31536000, immutable",
                    is_public(api, name) ? "public" : "private");
}

static bool holds(const void *context, const struct digest *current)
{
    const struct request *request = context;
    const char *match = request_header(request, "HTTP_IF_MATCH");
    const char *none_match = request_header(request, "HTTP_IF_NONE_MATCH");
    const char *etag = current ? current->s : "";

    if (match && !header_etag_matches(match, etag, current != NULL, ETAG_STRONG))
        return false;
    return !none_match || !header_etag_matches(none_match, etag, current != NULL, ETAG_WEAK);
}

struct precondition conditional_precondition(const struct request *request)
{
    bool asked =
        request_header(request, "HTTP_IF_MATCH") || request_header(request, "HTTP_IF_NONE_MATCH");

    return (struct precondition){asked ? holds : NULL, request};
}
