/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON (RFC 8259) strictly; json_writer.h writes it. Wraps json-c, which nobody else
 * includes.
 *
 * json_parse consumes its whole input, bounds the depth, and refuses duplicate keys, broken UTF-8,
 * single quotes, comments and NaN: what two parsers might read in two ways. Strings are read by
 * length; they may hold NULs. A tree takes no more memory than JSON_BYTES_MAX, whatever the text
 * is: what would is refused.
 *
 * The tree belongs to the caller (json_free). What the readers return belongs to the tree. All
 * readers accept NULL and a value of another type and then say "not there".
 */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX ((size_t)48 << 20)
/* Of a longer string, which only a document beyond the usual limits has, the rest is left out. */
#define JSON_TEXT_MAX ((size_t)4 << 20)

struct json;

/* Reads a document in pieces, so that its text need not be in memory. json_end frees the reading;
 * *is_cut (may be NULL): a string was longer than JSON_TEXT_MAX. JSON_TOP takes only the members of
 * the outermost object: the objects and lists in it are empty, whatever is in them, and a key that
 * stands twice is only seen among its own. Errors as json_parse; MANIFEST_TOO_LARGE is what would
 * take more memory than bytes_max. */
enum json_part { JSON_ALL, JSON_TOP };
struct json_reading *json_begin(int depth_max, size_t bytes_max, enum json_part part);
void json_feed(struct json_reading *reading, const char *text, size_t len);
struct json *json_end(struct json_reading *reading, bool *is_cut, struct err *err);

/* NULL with *err set: ERR_MANIFEST_INVALID if text isn't JSON, or neither an object nor a list:
 * json-c cannot tell other values from none, or where a number ends; ERR_MANIFEST_TOO_LARGE if it
 * would take more memory than JSON_BYTES_MAX. */
struct json *json_parse(const char *text, size_t len, int depth_max, struct err *err);
void json_free(struct json *json);

bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);
bool json_is_string_map(const struct json *json); /* an object that has only strings as values */
const struct json *json_get(const struct json *json, const char *key);
size_t json_array_len(const struct json *json);
const struct json *json_array_at(const struct json *json, size_t i);
/* NULL if it is no string, or holds a NUL. */
const char *json_text(const struct json *json);
/* False unless it is an integer within 0 ... 2^63-2 (json-c shows larger ones as 2^63-1). */
bool json_size(const struct json *json, int64_t *size);

/* Appends the value as compact JSON. */
void json_print(const struct json *json, struct buf *out);

#endif
