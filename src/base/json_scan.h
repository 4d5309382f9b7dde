/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at the characters of JSON (RFC 8259) one at a time, before json-c sees them: what it would
 * take though it is none, and how much memory a tree of them will take. json.c and json_each.c use
 * it.
 */
#ifndef BERTH_BASE_JSON_SCAN_H
#define BERTH_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum json_scan_in {
    JSON_SCAN_BETWEEN, /* also within true, false, null, which json-c judges */
    JSON_SCAN_TEXT,
    JSON_SCAN_ESCAPE,    /* behind a backslash */
    JSON_SCAN_CODE,      /* within the four digits of \u */
    JSON_SCAN_CHARACTER, /* within one of UTF-8 that has several bytes */
    JSON_SCAN_MINUS,     /* the parts of a number, each once its first character was seen */
    JSON_SCAN_ZERO,
    JSON_SCAN_INTEGER,
    JSON_SCAN_POINT,
    JSON_SCAN_FRACTION,
    JSON_SCAN_E,
    JSON_SCAN_E_SIGN,
    JSON_SCAN_EXPONENT,
};

struct json_scan {
    int depth_max;
    size_t text_max; /* of longer strings the rest is left out; bytes */
    bool only_top;   /* what is within the values of the outermost object or list is left out */

    int depth;
    bool is_whole; /* the outermost object or list has ended */
    bool is_cut;   /* of a string the rest was left out */
    size_t keys;   /* one before each colon */
    size_t bytes;  /* that json-c takes where pointers have 64 bits, about */

    enum json_scan_in in;
    bool has_nul;    /* the last string: an escaped NUL */
    bool is_zero;    /* all digits of \u so far */
    size_t text_len; /* of the string so far */
    size_t n;        /* characters of the escape or bytes of the character so far */
    char character[4];
};

enum json_scan_verdict {
    JSON_SCAN_NONE, /* it is no JSON, or is nested too deeply */
    JSON_SCAN_TAKE,
    JSON_SCAN_LEAVE, /* it is to be left out */
};

/* Looks at the next character. keys and bytes count what is not left out. */
enum json_scan_verdict json_scan_next(struct json_scan *scan, char c);

#endif
