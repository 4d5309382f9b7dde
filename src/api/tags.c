/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /v2/<name>/tags/list (end-8a, end-8b). */
#include "api/api.h"
#include "api/cached.h"
#include "api/page.h"
#include "base/mem.h"

#include <stdlib.h>

/* A list that may be very long: only its names are in memory. */
struct whole {
    struct name name;
    struct names tags;
    size_t from; /* the first that is listed */
};

static void free_whole(void *context)
{
    struct whole *whole = context;

    names_free(&whole->tags);
    free(whole);
}

#define PART_LEN 32768

static int make_whole(void *context, response_write_fn *write, void *to)
{
    const struct whole *whole = context;
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_string(&json, "name", whole->name.s);
    json_writer_array(&json, "tags");
    for (size_t i = whole->from; i < whole->tags.n; i++) {
        json_writer_string(&json, NULL, names_get(&whole->tags, i));
        if (text.len < PART_LEN)
            continue;
        if (write(to, text.s, text.len) < 0)
            return -1;
        buf_clear(&text);
    }
    json_writer_end(&json);
    json_writer_end(&json);
    buf_addc(&text, '\n');
    return write(to, text.s, text.len);
}

/* Of a list that is an upstream's, a tag a line. */
static void answer_cached(const struct request *request, const struct target *target,
                          struct buf *lines, struct page page, struct response *response)
{
    struct whole *whole = mem_alloc(sizeof *whole);
    size_t at = 0;

    whole->name = target->name;
    for (const char *line; (line = buf_line(lines, &at));)
        names_add(&whole->tags, line);
    whole->from = page.last ? names_before(&whole->tags, page.last) : 0;
    if ((int64_t)(whole->tags.n - whole->from) > page.n) {
        whole->tags.n = whole->from + (size_t)page.n;
        if (page.n > 0)
            page_link(request, page, names_get(&whole->tags, whole->tags.n - 1), NULL, NULL,
                      response);
    }
    response_make(response, make_whole, whole, free_whole);
}

/* Without n the list is whole, as with registry:2: not every client follows a Link. */
static int answer_whole(const struct api *api, const struct target *target, const char *last,
                        struct response *response, struct err *err)
{
    struct whole *whole = mem_alloc(sizeof *whole);

    whole->name = target->name;
    if (list_all_tags(&api->registry, &target->name, &whole->tags, err) < 0) {
        free_whole(whole);
        return -1;
    }
    whole->from = last ? names_before(&whole->tags, last) : 0;
    response_make(response, make_whole, whole, free_whole);
    return 0;
}

static int answer_page(const struct api *api, const struct request *request,
                       const struct target *target, struct page page, struct response *response,
                       struct err *err)
{
    AUTO_STRINGS tags = {0};
    AUTO_BUF text = BUF_INIT;
    bool more;

    if (list_tags(&api->registry, &target->name, page, &tags, &more, err) < 0)
        return -1;
    struct json_writer json = json_writer_begin(&text);
    json_writer_object(&json, NULL);
    json_writer_string(&json, "name", target->name.s);
    page_write_names(&tags, &json, "tags");
    json_writer_end(&json);
    buf_addc(&text, '\n');
    if (more && tags.n)
        page_link(request, page, tags.v[tags.n - 1], NULL, NULL, response);
    response_text(response, text.s, text.len);
    return 0;
}

int tags_get(const struct api *api, struct request *request, const struct target *target,
             struct response *response, struct err *err)
{
    AUTO_BUF lines = BUF_INIT;
    struct page page;

    if (page_parse(request, &api->frozen->api, INT64_MAX, &page, err) < 0)
        return -1;
    int cached = cached_list(api, &target->name, "tags", "", &lines, response, err);
    if (cached > 0)
        answer_cached(request, target, &lines, page, response);
    if (cached > 0)
        response_header(response, "Content-Type", "application/json");
    if (cached)
        return cached < 0 ? -1 : 0;
    int answered = page.n == INT64_MAX ? answer_whole(api, target, page.last, response, err)
                                       : answer_page(api, request, target, page, response, err);
    if (answered == 0)
        response_header(response, "Content-Type", "application/json");
    return answered;
}
