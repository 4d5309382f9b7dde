/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests for what is cached from other registries (cache/cache.h).
 */
#ifndef BERTH_API_CACHED_H
#define BERTH_API_CACHED_H

#include "api/api.h"
#include "oci/reference.h"

/* The registry that the client names as the one that he means ("Registry Proxying"); NULL: none. */
const char *cached_namespace(const struct request *request);
/* Turns a client's name for a repository into that under which it is here. NAME_UNKNOWN: there is
 * no such upstream. */
int cached_resolve(const struct api *api, const struct request *request, struct name *name,
                   struct err *err);
/* ERR_CACHED: nobody pushes there. */
int cached_may_push(const struct api *api, const struct name *name, struct err *err);

/* Brings what is to be pulled then. An answer that its upstream did not confirm says so (RFC 9111,
 * "Warning"). */
int cached_manifest(const struct api *api, const struct name *name,
                    const struct reference *reference, struct response *response, struct err *err);
/* The same for a blob. 1: it is on its way, and the response sends it as it comes, or, to a HEAD,
 * says how long it is. */
int cached_blob(const struct api *api, const struct request *request, const struct name *name,
                const struct digest *digest, struct response *response, struct err *err);

/* A list that the upstream has: cache/cache.h. 1: text is it, 0: what is here has to do. */
int cached_list(const struct api *api, const struct name *name, const char *verb, const char *what,
                struct buf *text, struct response *response, struct err *err);

/* Adds to an answer whose it is, where the client named a registry. */
void cached_mark(const struct api *api, const struct request *request, struct response *response);

#endif
