/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/<name>/referrers/<digest> (end-12a, end-12b). */
#include "api/api.h"
#include "api/cached.h"
#include "api/page.h"
#include "base/json_each.h"
#include "oci/manifest.h"

#include <string.h>

/* Of a list that is an upstream's. */
struct selection {
    struct json_writer *json;
    const char *artifact_type; /* NULL: any */
};

static int select_one(void *context, const struct json *descriptor, struct err *err)
{
    const struct selection *selection = context;
    const char *type = json_text(json_get(descriptor, "artifactType"));

    (void)err;
    if (!selection->artifact_type || (type && !strcmp(type, selection->artifact_type)))
        json_writer_value(selection->json, NULL, descriptor);
    return 0;
}

/* What is here, or, where it is all of what the upstream has, that. */
static int list(const struct api *api, const struct target *target, const struct digest *subject,
                const char *artifact_type, struct page page, struct json_writer *json,
                struct digest *last, bool *more, struct response *response, struct err *err)
{
    AUTO_BUF index = BUF_INIT;
    struct selection selection = {json, artifact_type};

    int cached = cached_list(api, &target->name, "referrers", subject->s, &index, response, err);
    if (cached < 0)
        return -1;
    if (cached == 0)
        return list_referrers(&api->registry, &target->name, subject, artifact_type, page, json,
                              last, more, err);
    *more = false;
    struct json *whole =
        json_each(index.s, index.len, MANIFEST_DEPTH_MAX, "manifests", select_one, &selection, err);
    json_free(whole);
    return whole ? 0 : err_recode(err, ERR_UPSTREAM_CONTENT);
}

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
    if (list(api, target, &subject, artifact_type, page, &json, &last, &more, response, err) < 0)
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
