/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditional requests (RFC 9110, section 13). The entity tag of everything that has a digest is
 * the digest.
 */
#ifndef BERTH_API_CONDITIONAL_H
#define BERTH_API_CONDITIONAL_H

#include "api/api.h"
#include "http/request.h"
#include "http/response.h"
#include "oci/digest.h"
#include "registry/precondition.h"

/* Sets Docker-Content-Digest and ETag; true if the client has it already (If-None-Match): the
 * response is then a 304. */
bool conditional_not_modified(const struct request *request, const struct digest *digest,
                              struct response *response);

/* Says of what was asked for by digest that it may be kept, for it never changes, and by everybody
 * if everybody may have it. */
void conditional_cache(const struct api *api, const struct name *name, struct response *response);

/* If-Match and If-None-Match of a change. Valid as long as the request. */
struct precondition conditional_precondition(const struct request *request);

#endif
