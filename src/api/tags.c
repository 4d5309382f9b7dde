/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/<name>/tags/list (end-8a, end-8b). */
#include "api/api.h"
#include "api/page.h"

int tags_get(const struct api *api, struct request *request, const struct target *target,
             struct response *response, struct err *err)
{
    AUTO_STRINGS tags = {0};
    AUTO_BUF text = BUF_INIT;
    struct page page;
    bool more;

    if (page_parse(request, &api->frozen->api, INT64_MAX, &page, err) < 0 ||
        list_tags(&api->registry, &target->name, page, &tags, &more, err) < 0)
        return -1;
    struct json_writer json = json_writer_begin(&text);
    json_writer_object(&json, NULL);
    json_writer_string(&json, "name", target->name.s);
    page_write_names(&tags, &json, "tags");
    json_writer_end(&json);
    buf_addc(&text, '\n');
    response_header(response, "Content-Type", "application/json");
    if (more && tags.n)
        page_link(request, page, tags.v[tags.n - 1], NULL, NULL, response);
    response_text(response, text.s, text.len);
    return 0;
}
