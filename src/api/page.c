/* SPDX-License-Identifier: Apache-2.0
 * L4: paging of listings. */
#include "api/page.h"

#include "base/decimal.h"
#include "base/percent.h"

#include <string.h>

int page_parse(const struct request *request, const struct api_settings *settings,
               int64_t n_default, struct page *page, struct err *err)
{
    const char *n = request_parameter(request, "n");

    page->last = request_parameter(request, "last");
    page->n = n_default;
    if (!n || !*n)
        return 0;
    if (!decimal_parse(n, strlen(n), &page->n))
        return err_set(err, ERR_PAGINATION, "n must be a whole number from 0 on");
    if (page->n > settings->page_limit)
        page->n = settings->page_limit;
    return 0;
}

void page_link(const struct request *request, struct page page, const char *last, const char *key,
               const char *value, struct response *response)
{
    const char *n = request_parameter(request, "n"), *ns = request_parameter(request, "ns");
    AUTO_BUF url = BUF_INIT;

    if (page.n == 0)
        return;
    percent_encode(&url, request->path);
    buf_addc(&url, '?');
    if (key && value) {
        buf_addf(&url, "%s=", key);
        percent_encode(&url, value);
        buf_addc(&url, '&');
    }
    if (ns) {
        buf_addstr(&url, "ns=");
        percent_encode(&url, ns);
        buf_addc(&url, '&');
    }
    if (n && *n)
        buf_addf(&url, "n=%jd&", (intmax_t)page.n);
    buf_addstr(&url, "last=");
    percent_encode(&url, last);
    response_header(response, "Link", "<%s>; rel=\"next\"", url.s);
}

void page_write_names(const struct strings *names, struct json_writer *json, const char *key)
{
    json_writer_array(json, key);
    for (size_t i = 0; i < names->n; i++)
        json_writer_string(json, NULL, names->v[i]);
    json_writer_end(json);
}
