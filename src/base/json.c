/* SPDX-License-Identifier: Apache-2.0
 * L0: strict JSON over json-c (the only user of json.h). */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/mem.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* What json-c is given at a time, so that it has not built much before it is known to be too much.
 */
#define FEED_MAX 65536

static struct json_object *mutable(const struct json *json)
{
    return (struct json_object *)json; /* json-c's readers take no const */
}

/* Recursion is bounded by the tokener's depth. */
static size_t count_keys(struct json_object *value)
{
    size_t keys = 0;

    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, child)
        {
            (void)key;
            keys += 1 + count_keys(child);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            keys += count_keys(json_object_array_get_idx(value, i));
    }
    return keys;
}

struct json_reading {
    struct json_scan scan;
    size_t bytes_max;
    bool is_none, is_beyond;
    struct json_tokener *tokener;
    struct json_object *root;
    enum json_tokener_error error;
};

struct json_reading *json_begin(int depth_max, size_t bytes_max, enum json_part part)
{
    struct json_reading *reading = mem_alloc(sizeof *reading);

    *reading = (struct json_reading){
        .scan = {.depth_max = depth_max, .text_max = JSON_TEXT_MAX, .only_top = part == JSON_TOP},
        .bytes_max = bytes_max,
        .tokener = json_tokener_new_ex(depth_max),
        .error = json_tokener_continue,
    };
    /* UTF-8, which it validates only within one piece, is the scan's to judge. */
    if (reading->tokener)
        json_tokener_set_flags(reading->tokener, JSON_TOKENER_STRICT);
    return reading;
}

static void drop(struct json_reading *reading)
{
    json_object_put(reading->root);
    if (reading->tokener)
        json_tokener_free(reading->tokener);
    reading->root = NULL;
    reading->tokener = NULL;
}

/* json-c gets exactly the object or list: behind it the scan lets only white space pass. Of too
 * much, only the scan goes on: it may be none after all. */
static void take(struct json_reading *reading, const char *text, size_t len)
{
    if (reading->scan.bytes > reading->bytes_max) {
        reading->is_beyond = true;
        drop(reading);
    }
    if (len == 0 || !reading->tokener || reading->root || reading->error != json_tokener_continue)
        return;
    reading->root = json_tokener_parse_ex(reading->tokener, text, (int)len);
    reading->error = json_tokener_get_error(reading->tokener);
}

void json_feed(struct json_reading *reading, const char *text, size_t len)
{
    struct json_scan *scan = &reading->scan;
    size_t from = 0;

    for (size_t i = 0; i < len && !reading->is_none; i++) {
        enum json_scan_verdict verdict = json_scan_next(scan, text[i]);
        reading->is_none = verdict == JSON_SCAN_NONE;
        if (verdict == JSON_SCAN_TAKE && i - from < FEED_MAX)
            continue;
        take(reading, text + from, i - from);
        from = verdict == JSON_SCAN_TAKE ? i : i + 1;
    }
    if (!reading->is_none)
        take(reading, text + from, len - from);
}

static const char *why_not(const struct json_reading *reading)
{
    if (reading->is_none)
        return "";
    if (!reading->is_beyond && reading->error != json_tokener_success)
        return reading->error == json_tokener_continue ? "it ends too early"
                                                       : json_tokener_error_desc(reading->error);
    return reading->scan.is_whole ? NULL : "it ends too early";
}

static int judge(const struct json_reading *reading, struct err *err)
{
    const char *fault = why_not(reading);

    if (fault)
        return err_set(err, ERR_MANIFEST_INVALID, "not JSON%s%s", *fault ? ": " : "", fault);
    if (reading->is_beyond)
        return err_set(err, ERR_MANIFEST_TOO_LARGE, "its JSON has too many parts");
    if (count_keys(reading->root) != reading->scan.keys)
        return err_set(err, ERR_MANIFEST_INVALID, "a key stands twice in one JSON object");
    return 0;
}

struct json *json_end(struct json_reading *reading, bool *is_cut, struct err *err)
{
    struct json_object *root = NULL;

    if (!reading->tokener && !reading->is_beyond)
        err_set(err, ERR_INTERNAL, "no JSON tokener");
    else if (judge(reading, err) == 0)
        root = json_object_get(reading->root);
    if (is_cut)
        *is_cut = reading->scan.is_cut;
    drop(reading);
    free(reading);
    return (struct json *)root;
}

struct json *json_parse(const char *text, size_t len, int depth_max, struct err *err)
{
    struct json_reading *reading = json_begin(depth_max, JSON_BYTES_MAX, JSON_ALL);

    json_feed(reading, text, len);
    return json_end(reading, NULL, err);
}

void json_free(struct json *json)
{
    json_object_put((struct json_object *)json);
}

bool json_is_object(const struct json *json)
{
    return json_object_is_type(mutable(json), json_type_object);
}

bool json_is_array(const struct json *json)
{
    return json_object_is_type(mutable(json), json_type_array);
}

bool json_is_string_map(const struct json *json)
{
    if (!json_is_object(json))
        return false;
    json_object_object_foreach(mutable(json), key, value)
    {
        (void)key;
        if (!json_object_is_type(value, json_type_string))
            return false;
    }
    return true;
}

const struct json *json_get(const struct json *json, const char *key)
{
    struct json_object *value = NULL;

    if (json_is_object(json))
        json_object_object_get_ex(mutable(json), key, &value);
    return (const struct json *)value;
}

size_t json_array_len(const struct json *json)
{
    return json_is_array(json) ? json_object_array_length(mutable(json)) : 0;
}

const struct json *json_array_at(const struct json *json, size_t i)
{
    return i < json_array_len(json)
               ? (const struct json *)json_object_array_get_idx(mutable(json), i)
               : NULL;
}

const char *json_text(const struct json *json)
{
    struct json_object *value = mutable(json);

    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *s = json_object_get_string(value);
    return strlen(s) == (size_t)json_object_get_string_len(value) ? s : NULL;
}

bool json_size(const struct json *json, int64_t *size)
{
    if (!json_object_is_type(mutable(json), json_type_int))
        return false;
    int64_t n = json_object_get_int64(mutable(json));
    if (n < 0 || n == INT64_MAX)
        return false;
    *size = n;
    return true;
}

void json_print(const struct json *json, struct buf *out)
{
    size_t len;
    const char *s = json_object_to_json_string_length(
        mutable(json), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    buf_add(out, s, len);
}
