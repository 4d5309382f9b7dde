/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/_catalog (CNCF Distribution's API). */
#include "api/access.h"
#include "api/api.h"
#include "api/page.h"

int catalog_get(const struct api *api, struct request *request, const struct target *target,
                struct response *response, struct err *err)
{
    AUTO_STRINGS names = {0};
    AUTO_BUF text = BUF_INIT;
    struct page page;
    bool more;

    (void)target;
    if (page_parse(request, &api->frozen->api, api->frozen->api.page_limit, &page, err) < 0 ||
        list_repositories(&api->registry, page, &names, &more, err) < 0)
        return -1;
    struct json_writer json = json_writer_begin(&text);
    json_writer_object(&json, NULL);
    page_write_names(&names, &json, "repositories");
    json_writer_end(&json);
    buf_addc(&text, '\n');
    response_header(response, "Content-Type", "application/json");
    if (more && names.n)
        page_link(request, page, names.v[names.n - 1], NULL, NULL, response);
    response_text(response, text.s, text.len);
    return 0;
}
