/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON (RFC 8259): commas, quotes and escapes are made here and nowhere else.
 *
 *     struct json_writer json = json_writer_begin(&out);
 *     json_writer_object(&json, NULL);
 *     json_writer_string(&json, "name", name->s);
 *     json_writer_array(&json, "tags");
 *     for (...)
 *         json_writer_string(&json, NULL, tags.v[i]);
 *     json_writer_end(&json);
 *     json_writer_end(&json);
 *
 * Every value takes its key, which is NULL within a list and for the outermost value. Keys are
 * ours, values anybody's: bytes that are not UTF-8 become U+FFFD. The text is appended to out,
 * which may be emptied between two calls, as whoever streams does. A wrong use (a key in a list, an
 * end too many, more than JSON_WRITER_DEPTH_MAX levels) is a mistake in the program and aborts.
 */
#ifndef BERTH_BASE_JSON_WRITER_H
#define BERTH_BASE_JSON_WRITER_H

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_WRITER_DEPTH_MAX 32

struct json_writer {
    struct buf *out;
    int depth;
    struct {
        bool is_array;
        bool any; /* something stands in it already */
    } level[JSON_WRITER_DEPTH_MAX + 1];
};

struct json_writer json_writer_begin(struct buf *out);

void json_writer_object(struct json_writer *json, const char *key);
void json_writer_array(struct json_writer *json, const char *key);
/* Ends the innermost object or list. */
void json_writer_end(struct json_writer *json);

void json_writer_string(struct json_writer *json, const char *key, const char *s); /* NULL: null */
void json_writer_stringf(struct json_writer *json, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void json_writer_number(struct json_writer *json, const char *key, int64_t n);
void json_writer_seconds(struct json_writer *json, const char *key, double seconds); /* 1.250 */
void json_writer_bool(struct json_writer *json, const char *key, bool value);
void json_writer_null(struct json_writer *json, const char *key);
/* A value that was read; NULL: null. */
void json_writer_value(struct json_writer *json, const char *key, const struct json *value);
/* A value that is JSON already, of len bytes. */
void json_writer_raw(struct json_writer *json, const char *key, const char *text, size_t len);

#endif
