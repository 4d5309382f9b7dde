/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the reading and writing of JSON: what is read and printed reads as the same again, and
 * what is read element by element reads as a whole. */
#include "fuzz/fuzz.h"

#include "base/json_each.h"
#include "base/json_writer.h"

#define DEPTH 32

static void check_print(const struct json *json)
{
    AUTO_BUF once = BUF_INIT;
    AUTO_BUF twice = BUF_INIT;
    struct err err;

    json_print(json, &once);
    struct json *again = json_parse(once.s, once.len, DEPTH, &err);
    must_hold(again);
    json_print(again, &twice);
    must_hold(once.len == twice.len && !memcmp(once.s, twice.s, once.len));
    json_free(again);
}

/* Any text can be quoted, and then is JSON. */
static void check_quote(const uint8_t *bytes, size_t len)
{
    char *text = text_of(bytes, len);
    AUTO_BUF quoted = BUF_INIT;
    struct err err;

    buf_addc(&quoted, '[');
    struct json_writer writer = json_writer_begin(&quoted);
    json_writer_string(&writer, NULL, text);
    buf_addc(&quoted, ']');
    struct json *json = json_parse(quoted.s, quoted.len, DEPTH, &err);
    const char *read = json_text(json_array_at(json, 0));
    must_hold(read);
    must_hold(!strcmp(read, text) || strstr(read, "\xef\xbf\xbd")); /* it was no UTF-8 */
    json_free(json);
    free(text);
}

static int count(void *context, const struct json *element, struct err *err)
{
    size_t *n = context;

    (void)err;
    must_hold(json_is_object(element));
    ++*n;
    return 0;
}

static void check_each(const uint8_t *bytes, size_t len, const struct json *whole)
{
    size_t n = 0;
    struct err err;
    struct json *rest = json_each((const char *)bytes, len, DEPTH, "a", count, &n, &err);

    if (rest)
        must_hold(whole && json_array_len(json_get(whole, "a")) == n);
    json_free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct err err;
    struct json *json = json_parse((const char *)bytes, len, DEPTH, &err);

    if (json)
        check_print(json);
    check_each(bytes, len, json);
    json_free(json);
    check_quote(bytes, len);
    return 0;
}
