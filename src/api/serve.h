/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending a blob: through the web server where it can (X-Sendfile, X-Accel-Redirect; it then
 * answers Range, If-Range and HEAD), else with berth's own byte ranges (RFC 9110, section 14).
 */
#ifndef BERTH_API_SERVE_H
#define BERTH_API_SERVE_H

#include "api/api.h"
#include "oci/digest.h"

/* Takes fd over. */
void serve_blob(const struct api *api, const struct request *request, const struct digest *digest,
                int fd, int64_t size, struct response *response);

#endif
