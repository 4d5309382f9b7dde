/* SPDX-License-Identifier: Apache-2.0
 * L0: strict JSON over json-c (the only user of json.h). */
#include "base/json.h"

#include "base/utf8.h"

#include <json-c/json.h>
#include <string.h>

static struct json_object *mutable(const struct json *json)
{
    return (struct json_object *)json; /* json-c's readers take no const */
}

/* The length of the UTF-8 sequence at the start of the len bytes at s, or 0 if there is none (RFC
 * 3629: no surrogates, nothing overlong). */

/* The length of the string, with its quotes, at the start of the len bytes at s, or 0 if it is
 * broken. *has_nul: it holds an escaped NUL. Other escapes are json-c's to judge. */
static size_t string_len(const char *s, size_t len, bool *has_nul)
{
    *has_nul = false;
    for (size_t i = 1; i < len;) {
        if (s[i] == '"')
            return i + 1;
        if ((unsigned char)s[i] < 0x20)
            return 0;
        if (s[i] == '\\') {
            *has_nul |= len - i >= 6 && !memcmp(s + i + 1, "u0000", 5);
            i += 2;
        } else {
            size_t n = utf8_length(s + i, len - i);
            if (n == 0)
                return 0;
            i += n;
        }
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_len(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && is_digit(s[n]))
        n++;
    return n;
}

/* The length of the number (RFC 8259, section 6) at the start of the len bytes at s, or 0. */
static size_t number_len(const char *s, size_t len)
{
    size_t i = s[0] == '-';
    size_t digits = digits_len(s + i, len - i);

    if (digits == 0 || (digits > 1 && s[i] == '0'))
        return 0;
    i += digits;
    if (i < len && s[i] == '.') {
        digits = digits_len(s + i + 1, len - i - 1);
        if (digits == 0)
            return 0;
        i += 1 + digits;
    }
    if (i < len && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        i += i < len && (s[i] == '+' || s[i] == '-');
        digits = digits_len(s + i, len - i);
        if (digits == 0)
            return 0;
        i += digits;
    }
    return i;
}

/* What json-c takes for each part of a tree where pointers have 64 bits, about. Lists and objects
 * grow by doubling. */
#define OBJECT_BYTES 850
#define LIST_BYTES 430
#define VALUE_BYTES 88  /* in a list or an object, behind a comma */
#define STRING_BYTES 24 /* more than another value, besides its length */
#define NUMBER_BYTES 32 /* the same: json-c keeps the text of 1.5 */
#define KEY_BYTES 96    /* besides its length */

/* json-c's strict mode still takes single-quoted keys, NaN, numbers like 00 and 1., overlong UTF-8
 * and surrogates; it ends a key at an escaped NUL, and lets the last of several equal keys win.
 * This looks at the bytes first, and counts the keys, one before each colon outside strings, and
 * what all will take: *bytes, or, if it is no JSON or nested too deep for json-c, false. */
static bool scan(const char *text, size_t len, int depth_max, size_t *keys, size_t *bytes)
{
    bool has_nul = false; /* the last string */
    int depth = 0;
    size_t n;

    *keys = *bytes = 0;
    for (size_t i = 0; i < len; i += n) {
        char c = text[i];
        n = 1;
        if (c == '"') {
            n = string_len(text + i, len - i, &has_nul);
            *bytes += STRING_BYTES + n;
        } else if (c == '-' || is_digit(c)) {
            n = number_len(text + i, len - i);
            *bytes += NUMBER_BYTES;
        } else if (c == ':') {
            n = !has_nul;
            (*keys)++;
            *bytes += KEY_BYTES;
        } else if (c == '\0' || !strchr("{}[], \t\r\ntruefalsn", c)) {
            n = 0;
        }
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        *bytes += c == '{' ? OBJECT_BYTES : c == '[' ? LIST_BYTES : c == ',' ? VALUE_BYTES : 0;
        if (n == 0 || depth > depth_max)
            return false;
    }
    return true;
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

/* What is wrong with a document that json-c takes; NULL: nothing. */
static const char *fault_of(struct json_object *root, size_t keys)
{
    if (!json_object_is_type(root, json_type_object) && !json_object_is_type(root, json_type_array))
        return "neither a JSON object nor a list";
    return count_keys(root) == keys ? NULL : "a key stands twice in one JSON object";
}

struct json *json_parse(const char *text, size_t len, int depth_max, struct err *err)
{
    return json_parse_within(text, len, depth_max, JSON_BYTES_MAX, err);
}

struct json *json_parse_within(const char *text, size_t len, int depth_max, size_t bytes_max,
                               struct err *err)
{
    size_t keys, bytes;

    if (len == 0 || len > INT32_MAX || !scan(text, len, depth_max, &keys, &bytes)) {
        err_set(err, ERR_MANIFEST_INVALID, "not JSON");
        return NULL;
    }
    if (bytes > bytes_max) {
        err_set(err, ERR_MANIFEST_TOO_LARGE, "its JSON has too many parts");
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(depth_max);
    if (!tokener) {
        err_set(err, ERR_INTERNAL, "no JSON tokener");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_success && json_tokener_get_parse_end(tokener) != len)
        error = json_tokener_error_parse_unexpected;
    json_tokener_free(tokener);
    if (error != json_tokener_success) {
        json_object_put(root);
        err_set(err, ERR_MANIFEST_INVALID, "not JSON: %s",
                error == json_tokener_continue ? "it ends too early"
                                               : json_tokener_error_desc(error));
        return NULL;
    }
    const char *fault = fault_of(root, keys);
    if (fault) {
        json_object_put(root);
        err_set(err, ERR_MANIFEST_INVALID, "%s", fault);
        return NULL;
    }
    return (struct json *)root;
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
