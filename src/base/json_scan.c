/* SPDX-License-Identifier: Apache-2.0
 * L0: the characters of JSON.
 *
 * json-c's strict mode still takes single-quoted keys, NaN, numbers like 00 and 1., overlong UTF-8
 * and surrogates; it ends a key at an escaped NUL, and lets the last of several equal keys win. */
#include "base/json_scan.h"

#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

/* What json-c takes for each part of a tree where pointers have 64 bits, about. Lists and objects
 * grow by doubling. */
#define OBJECT_BYTES 850
#define LIST_BYTES 430
#define VALUE_BYTES 88  /* in a list or an object, behind a comma */
#define STRING_BYTES 26 /* more than another value, besides its length */
#define NUMBER_BYTES 32 /* the same: json-c keeps the text of 1.5 */
#define KEY_BYTES 96    /* besides its length */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* In a string. Escapes other than of NUL are json-c's to judge. */
static bool next_in_text(struct json_scan *scan, char c)
{
    scan->text_len++;
    if (c == '"') {
        scan->in = JSON_SCAN_BETWEEN;
    } else if (c == '\\') {
        scan->in = JSON_SCAN_ESCAPE;
    } else if ((unsigned char)c >= 0x80) {
        scan->in = JSON_SCAN_CHARACTER;
        scan->character[0] = c;
        scan->n = 1;
    }
    return (unsigned char)c >= 0x20;
}

static bool next_in_escape(struct json_scan *scan, char c)
{
    scan->in = c == 'u' ? JSON_SCAN_CODE : JSON_SCAN_TEXT;
    scan->is_zero = true;
    scan->n = 0;
    return c != '\0' && strchr("\"\\/bfnrtu", c);
}

static bool next_in_code(struct json_scan *scan, char c)
{
    scan->is_zero = scan->is_zero && c == '0';
    if (++scan->n == 4) {
        scan->has_nul = scan->has_nul || scan->is_zero;
        scan->in = JSON_SCAN_TEXT;
    }
    return isxdigit((unsigned char)c);
}

/* RFC 3629: no surrogates, nothing overlong. */
static bool next_in_character(struct json_scan *scan, char c)
{
    unsigned char first = (unsigned char)scan->character[0];
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    scan->character[scan->n++] = c;
    if (scan->n < len)
        return true;
    scan->in = JSON_SCAN_TEXT;
    return utf8_length(scan->character, len) == len;
}

/* Where a number goes on (RFC 8259, section 6); JSON_SCAN_BETWEEN: it has ended, or is none. */
static enum json_scan_in next_in_number(enum json_scan_in in, char c)
{
    bool has_digits = in == JSON_SCAN_ZERO || in == JSON_SCAN_INTEGER;

    if (is_digit(c)) {
        if (in == JSON_SCAN_MINUS)
            return c == '0' ? JSON_SCAN_ZERO : JSON_SCAN_INTEGER;
        if (in == JSON_SCAN_POINT)
            return JSON_SCAN_FRACTION;
        if (in == JSON_SCAN_E || in == JSON_SCAN_E_SIGN)
            return JSON_SCAN_EXPONENT;
        return in == JSON_SCAN_ZERO ? JSON_SCAN_BETWEEN : in;
    }
    if (c == '.' && has_digits)
        return JSON_SCAN_POINT;
    if ((c == 'e' || c == 'E') && (has_digits || in == JSON_SCAN_FRACTION))
        return JSON_SCAN_E;
    if ((c == '+' || c == '-') && in == JSON_SCAN_E)
        return JSON_SCAN_E_SIGN;
    return JSON_SCAN_BETWEEN;
}

static bool is_whole_number(enum json_scan_in in)
{
    return in == JSON_SCAN_ZERO || in == JSON_SCAN_INTEGER || in == JSON_SCAN_FRACTION ||
           in == JSON_SCAN_EXPONENT;
}

static void begin_text(struct json_scan *scan)
{
    scan->in = JSON_SCAN_TEXT;
    scan->has_nul = false;
    scan->text_len = 0;
}

static bool next_between(struct json_scan *scan, char c)
{
    if (c == '"') {
        begin_text(scan);
    } else if (c == '-') {
        scan->in = JSON_SCAN_MINUS;
    } else if (is_digit(c)) {
        scan->in = c == '0' ? JSON_SCAN_ZERO : JSON_SCAN_INTEGER;
    } else if (c == ':' && scan->has_nul) {
        return false;
    } else if (c == '{' || c == '[') {
        scan->depth++;
    } else if (c == '}' || c == ']') {
        scan->depth--;
        scan->is_whole = scan->depth == 0;
    }
    return c != '\0' && strchr("{}[],:\" \t\r\n-0123456789truefalsn", c) &&
           scan->depth <= scan->depth_max && scan->depth >= 0;
}

/* What json-c will take for the character, which stands between the parts. */
static void count(struct json_scan *scan, char c)
{
    size_t bytes = c == '{'                  ? OBJECT_BYTES
                   : c == '['                ? LIST_BYTES
                   : c == ','                ? VALUE_BYTES
                   : c == '"'                ? STRING_BYTES
                   : c == ':'                ? KEY_BYTES
                   : c == '-' || is_digit(c) ? NUMBER_BYTES
                                             : 0;

    scan->bytes += bytes;
    scan->keys += c == ':';
}

static bool is_text(enum json_scan_in in)
{
    return in >= JSON_SCAN_TEXT && in <= JSON_SCAN_CHARACTER;
}

static bool is_number(enum json_scan_in in)
{
    return in >= JSON_SCAN_MINUS;
}

static bool next(struct json_scan *scan, char c)
{
    if (is_number(scan->in)) {
        enum json_scan_in before = scan->in;
        scan->in = next_in_number(before, c);
        if (scan->in != JSON_SCAN_BETWEEN)
            return true;
        if (!is_whole_number(before) || c == '\0' || !strchr(",]} \t\r\n", c))
            return false; /* json-c forgets the number's beginning from piece to piece */
    }
    switch (scan->in) {
    case JSON_SCAN_TEXT:
        return next_in_text(scan, c);
    case JSON_SCAN_ESCAPE:
        return next_in_escape(scan, c);
    case JSON_SCAN_CODE:
        return next_in_code(scan, c);
    case JSON_SCAN_CHARACTER:
        return next_in_character(scan, c);
    default:
        return next_between(scan, c);
    }
}

/* An object or a list, and white space behind it. */
static bool is_outside(const struct json_scan *scan, char c)
{
    bool is_space = c != '\0' && strchr(" \t\r\n", c);

    return is_space || (!scan->is_whole && (c == '{' || c == '['));
}

enum json_scan_verdict json_scan_next(struct json_scan *scan, char c)
{
    enum json_scan_in before = scan->in;
    bool was_below = scan->only_top && scan->depth > 1;

    if ((scan->depth == 0 && !is_outside(scan, c)) || !next(scan, c))
        return JSON_SCAN_NONE;
    if (was_below && scan->depth > 1)
        return JSON_SCAN_LEAVE;
    if (is_text(before) && scan->in != JSON_SCAN_BETWEEN && scan->text_len > scan->text_max) {
        scan->is_cut = true;
        return JSON_SCAN_LEAVE;
    }
    if (is_text(before) || (is_number(before) && is_number(scan->in)))
        scan->bytes++;
    else
        count(scan, c);
    return JSON_SCAN_TAKE;
}
