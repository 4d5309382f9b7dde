/* SPDX-License-Identifier: Apache-2.0
 * L0: reading a long list in a JSON document, whose elements are cut out of it on its way through
 * json.c. */
#include "base/json_each.h"

#include "base/json_scan.h"

#include <string.h>

/* In the place of an element. It is no longer than one, and no part of anything beside it. */
#define PLACE "\"\""

struct each {
    const char *key;
    json_each_fn *visit;
    void *context;
    int depth_max;
    struct json_scan scan;     /* of the text as it is */
    struct json_reading *rest; /* of the text without the elements */
    size_t n;                  /* of these */
    const char *from;          /* where that begins which rest has not got yet */
    const char *name;          /* behind the last quote that began a string in the outermost */
    bool is_key;               /* that string was the key, and its value may come */
    bool in_list;              /* below that value, which is a list */
    const char *element;       /* where the one that is read begins; NULL: none */
};

static void pass_on(struct each *each, const char *end)
{
    json_feed(each->rest, each->from, (size_t)(end - each->from));
    each->from = end;
}

static int take_element(struct each *each, const char *end, struct err *err)
{
    struct json *element =
        json_parse(each->element, (size_t)(end - each->element), each->depth_max, err);
    int result = element ? each->visit(each->context, element, err) : -1;

    json_free(element);
    json_feed(each->rest, PLACE, strlen(PLACE));
    each->element = NULL;
    each->from = end;
    each->n++;
    return result;
}

/* In the outermost object. */
static void look_for_key(struct each *each, const char *at)
{
    const size_t len = strlen(each->key);

    if (each->scan.in == JSON_SCAN_TEXT && each->scan.text_len == 0)
        each->name = at + 1;
    else if (each->scan.in == JSON_SCAN_BETWEEN && *at == '"')
        each->is_key = (size_t)(at - each->name) == len && !memcmp(each->name, each->key, len);
    else if (each->scan.in == JSON_SCAN_BETWEEN && *at == ',')
        each->is_key = false;
}

static int take(struct each *each, const char *at, struct err *err)
{
    const int before = each->scan.depth;

    if (json_scan_next(&each->scan, *at) == JSON_SCAN_NONE)
        return err_set(err, ERR_MANIFEST_INVALID, "not JSON");
    const int depth = each->scan.depth;
    if (before == 1 && depth == 1)
        look_for_key(each, at);
    if (before == 1 && depth == 2)
        each->in_list = each->is_key && *at == '[';
    if (each->in_list && before == 2 && depth == 3 && *at == '{') {
        pass_on(each, at);
        each->element = at;
    }
    return each->element && depth == 2 ? take_element(each, at + 1, err) : 0;
}

struct json *json_each(const char *text, size_t len, int depth_max, const char *key,
                       json_each_fn *visit, void *context, struct err *err)
{
    struct each each = {.key = key,
                        .visit = visit,
                        .context = context,
                        .depth_max = depth_max,
                        .scan = {.depth_max = depth_max},
                        .rest = json_begin(depth_max, JSON_BYTES_MAX, JSON_ALL),
                        .from = text};
    int result = 0;

    for (size_t i = 0; i < len && result == 0; i++)
        result = take(&each, text + i, err);
    if (result == 0)
        pass_on(&each, text + len);
    struct json *rest = json_end(each.rest, NULL, result == 0 ? err : NULL);
    if (result == 0 && rest && json_array_len(json_get(rest, key)) != each.n)
        result = err_set(err, ERR_MANIFEST_INVALID, "%s has what is no JSON object", key);
    if (result == 0)
        return rest;
    json_free(rest);
    return NULL;
}
