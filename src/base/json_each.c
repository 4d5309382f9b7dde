/* SPDX-License-Identifier: Apache-2.0
 * L0: reading a long list in a JSON document. It is taken apart here, and judged by json_parse. */
#include "base/json_each.h"

#include <string.h>

struct each {
    const char *text;
    size_t len, at;
    int depth_max;
    const char *key;
    json_each_fn *visit;
    void *context;
    struct buf rest; /* the text without the elements */
    size_t n;        /* of these */
};

/* Behind the string that begins at `at`. */
static size_t string_end(const struct each *each, size_t at)
{
    for (at++; at < each->len && each->text[at] != '"'; at++)
        at += each->text[at] == '\\';
    return at < each->len ? at + 1 : each->len;
}

/* Behind the object or list that begins at `at`. */
static size_t value_end(const struct each *each, size_t at)
{
    int depth = 0;

    while (at < each->len) {
        char c = each->text[at];
        if (c == '"') {
            at = string_end(each, at);
            continue;
        }
        at++;
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (depth == 0)
            break;
    }
    return at;
}

/* Blanks separate, so one of them stays. */
static void skip_blanks(struct each *each)
{
    size_t start = each->at;

    while (each->at < each->len && memchr(" \t\r\n", each->text[each->at], 4))
        each->at++;
    if (each->at > start)
        buf_addc(&each->rest, ' ');
}

static void copy(struct each *each, size_t end)
{
    buf_add(&each->rest, each->text + each->at, end - each->at);
    each->at = end;
}

static int take_element(struct each *each, struct err *err)
{
    size_t end = value_end(each, each->at);

    struct json *element = json_parse(each->text + each->at, end - each->at, each->depth_max, err);
    int result = element ? each->visit(each->context, element, err) : -1;
    json_free(element);
    buf_addc(&each->rest, '0');
    each->at = end;
    each->n++;
    return result;
}

/* Up to the list's end, or that of the text. */
static int take_list(struct each *each, struct err *err)
{
    copy(each, each->at + 1);
    while (skip_blanks(each), each->at < each->len && each->text[each->at] != ']') {
        if (each->text[each->at] != '{')
            copy(each, each->text[each->at] == ',' ? each->at + 1 : value_end(each, each->at));
        else if (take_element(each, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether this string is the key, and a list comes behind it: then that is where we stand. */
static bool take_key(struct each *each)
{
    size_t start = each->at + 1, len = strlen(each->key);
    size_t end = string_end(each, each->at);
    bool is_key = end - start == len + 1 && !memcmp(each->text + start, each->key, len);

    copy(each, end);
    if (!is_key)
        return false;
    skip_blanks(each);
    if (each->at < each->len && each->text[each->at] == ':')
        copy(each, each->at + 1);
    skip_blanks(each);
    return each->at < each->len && each->text[each->at] == '[';
}

static int take_apart(struct each *each, struct err *err)
{
    int depth = 0;

    while (skip_blanks(each), each->at < each->len) {
        char c = each->text[each->at];
        if (c == '"' && depth == 1) {
            if (take_key(each) && take_list(each, err) < 0)
                return -1;
            if (each->at < each->len && each->text[each->at] == ']')
                copy(each, each->at + 1);
        } else if (c == '"') {
            copy(each, string_end(each, each->at));
        } else {
            depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
            copy(each, each->at + 1);
        }
    }
    return 0;
}

struct json *json_each(const char *text, size_t len, int depth_max, const char *key,
                       json_each_fn *visit, void *context, struct err *err)
{
    struct each each = {.text = text,
                        .len = len,
                        .depth_max = depth_max,
                        .key = key,
                        .visit = visit,
                        .context = context};
    struct json *rest = NULL;

    if (take_apart(&each, err) == 0)
        rest = json_parse(each.rest.s ? each.rest.s : "", each.rest.len, depth_max, err);
    buf_free(&each.rest);
    if (!rest || json_array_len(json_get(rest, key)) == each.n)
        return rest;
    json_free(rest);
    err_set(err, ERR_MANIFEST_INVALID, "%s has what is no JSON object", key);
    return NULL;
}
