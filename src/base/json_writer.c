/* SPDX-License-Identifier: Apache-2.0
 * L0: writing JSON. */
#include "base/json_writer.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

static void quote(const char *s, struct buf *out)
{
    const char *end = s + strlen(s);

    buf_addc(out, '"');
    while (s < end) {
        unsigned char c = (unsigned char)*s;
        size_t len = utf8_length(s, (size_t)(end - s));
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\u%04x", c);
        else if (len)
            buf_add(out, s, len);
        else
            buf_addstr(out, "\xef\xbf\xbd");
        s += len ? len : 1;
    }
    buf_addc(out, '"');
}

struct json_writer json_writer_begin(struct buf *out)
{
    return (struct json_writer){.out = out, .level = {{.is_array = true}}};
}

/* What stands before a value. The outermost one is treated as the only one of a list. */
static void begin_value(struct json_writer *json, const char *key)
{
    bool is_array = json->level[json->depth].is_array;

    if (is_array == (key != NULL) || (json->depth == 0 && json->level[0].any))
        abort();
    if (json->level[json->depth].any)
        buf_addc(json->out, ',');
    json->level[json->depth].any = true;
    if (key) {
        quote(key, json->out);
        buf_addc(json->out, ':');
    }
}

static void open_level(struct json_writer *json, const char *key, bool is_array)
{
    begin_value(json, key);
    if (json->depth == JSON_WRITER_DEPTH_MAX)
        abort();
    json->depth++;
    json->level[json->depth].is_array = is_array;
    json->level[json->depth].any = false;
    buf_addc(json->out, is_array ? '[' : '{');
}

void json_writer_object(struct json_writer *json, const char *key)
{
    open_level(json, key, false);
}

void json_writer_array(struct json_writer *json, const char *key)
{
    open_level(json, key, true);
}

void json_writer_end(struct json_writer *json)
{
    if (json->depth == 0)
        abort();
    buf_addc(json->out, json->level[json->depth].is_array ? ']' : '}');
    json->depth--;
}

void json_writer_string(struct json_writer *json, const char *key, const char *s)
{
    if (!s) {
        json_writer_null(json, key);
        return;
    }
    begin_value(json, key);
    quote(s, json->out);
}

void json_writer_stringf(struct json_writer *json, const char *key, const char *fmt, ...)
{
    AUTO_BUF text = BUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(&text, fmt, ap);
    va_end(ap);
    json_writer_string(json, key, text.s);
}

void json_writer_number(struct json_writer *json, const char *key, int64_t n)
{
    begin_value(json, key);
    buf_addf(json->out, "%jd", (intmax_t)n);
}

void json_writer_seconds(struct json_writer *json, const char *key, double seconds)
{
    begin_value(json, key);
    buf_addf(json->out, "%.3f", seconds);
}

void json_writer_bool(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    buf_addstr(json->out, value ? "true" : "false");
}

void json_writer_null(struct json_writer *json, const char *key)
{
    begin_value(json, key);
    buf_addstr(json->out, "null");
}

void json_writer_value(struct json_writer *json, const char *key, const struct json *value)
{
    if (!value) {
        json_writer_null(json, key);
        return;
    }
    begin_value(json, key);
    json_print(value, json->out);
}

void json_writer_raw(struct json_writer *json, const char *key, const char *text, size_t len)
{
    begin_value(json, key);
    buf_add(json->out, text, len);
}
