/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/<name>/tags/list (end-8a, end-8b). */
#include "api/api.h"
#include "api/page.h"

int tags_get(const struct api *api, struct request *request, const struct target *target,
             struct response *response, struct err *err)
{
    AUTO_STRINGS tags = {0};
    AUTO_BUF json = BUF_INIT;
    struct page page;
    bool more;

    if (page_parse(request, api->conf, INT64_MAX, &page, err) < 0 ||
        list_tags(&api->registry, &target->name, page, &tags, &more, err) < 0)
        return -1;
    buf_addf(&json, "{\"name\":\"%s\",\"tags\":", target->name.s);
    page_print_names(&tags, &json);
    buf_addstr(&json, "}\n");
    response_header(response, "Content-Type", "application/json");
    if (more && tags.n)
        page_link(request, page, tags.v[tags.n - 1], NULL, NULL, response);
    response_text(response, json.s, json.len);
    return 0;
}
