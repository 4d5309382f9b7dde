/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/<name>/referrers/<digest> (end-12a, end-12b). */
#include "api/api.h"
#include "api/page.h"
#include "oci/manifest.h"

#include <string.h>

int referrers_get(const struct api *api, struct request *request, const struct target *target,
                  struct response *response, struct err *err)
{
    const char *artifact_type = request_parameter(request, "artifactType");
    AUTO_BUF text = BUF_INIT;
    struct digest subject, last;
    struct page page;
    bool more;

    if (digest_parse(&subject, target->last, strlen(target->last), err) < 0 ||
        page_parse(request, &api->frozen->api, api->frozen->api.page_limit, &page, err) < 0)
        return -1;
    struct json_writer json = json_writer_begin(&text);
    json_writer_object(&json, NULL);
    json_writer_number(&json, "schemaVersion", 2);
    json_writer_string(&json, "mediaType", MEDIA_TYPE_OCI_INDEX);
    json_writer_array(&json, "manifests");
    if (list_referrers(&api->registry, &target->name, &subject, artifact_type, page, &json, &last,
                       &more, err) < 0)
        return -1;
    json_writer_end(&json);
    json_writer_end(&json);
    buf_addc(&text, '\n');
    response_header(response, "Content-Type", "%s", MEDIA_TYPE_OCI_INDEX);
    if (artifact_type)
        response_header(response, "OCI-Filters-Applied", "artifactType");
    if (more)
        page_link(request, page, last.s, "artifactType", artifact_type, response);
    response_text(response, text.s, text.len);
    return 0;
}
