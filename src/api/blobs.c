/* SPDX-License-Identifier: Apache-2.0
 * L4: /v2/<name>/blobs/<digest> (end-2, end-10). */
#include "api/access.h"
#include "api/api.h"
#include "api/serve.h"
#include "registry/freshen.h"
#include "registry/pull.h"
#include "registry/remove.h"

#include <string.h>

int blobs_get(const struct api *api, struct request *request, const struct target *target,
              struct response *response, struct err *err)
{
    struct digest digest;
    int64_t size;
    AUTO_FD fd = -1;

    if (digest_parse(&digest, target->last, strlen(target->last), err) < 0 ||
        pull_blob(api->store, &target->name, &digest, &fd, &size, err) < 0)
        return -1;
    if (request->method == METHOD_HEAD && access_permits(api, &target->name, ACTION_PUSH)) {
        int kept = promise_blob(api->store, &target->name, &digest, err);
        if (kept <= 0)
            return kept < 0 ? -1 : err_set(err, ERR_BLOB_UNKNOWN, "%s", digest.s);
    }
    serve_blob(api, request, &digest, fd, size, response);
    fd = -1;
    return 0;
}

int blobs_delete(const struct api *api, struct request *request, const struct target *target,
                 struct response *response, struct err *err)
{
    struct digest digest;

    (void)request;
    if (digest_parse(&digest, target->last, strlen(target->last), err) < 0 ||
        remove_blob(api->store, &target->name, &digest, err) < 0)
        return -1;
    response->status = 202;
    return 0;
}
