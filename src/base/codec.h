/* SPDX-License-Identifier: Apache-2.0
 *
 * Small encodings: hex, percent (RFC 3986), base64, RFC 3339 time, decimal numbers, random UUIDs
 * (RFC 9562).
 */
#ifndef BERTH_BASE_CODEC_H
#define BERTH_BASE_CODEC_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* out takes 2 * len + 1 bytes; lower case. */
void hex_encode(char *out, const unsigned char *bytes, size_t len);
/* Decodes exactly 2 * len lower-case digits; false on anything else. */
bool hex_decode(unsigned char *out, const char *hex, size_t len);

/* Decodes %HH and, as in a query string, `+`. False on a broken escape. */
bool percent_decode_query(struct buf *out, const char *s, size_t len);
/* Escapes everything but RFC 3986's unreserved characters and `/`. */
void percent_encode(struct buf *out, const char *s);

/* RFC 4648: base64url without padding (section 5), and plain base64 with it (section 4). Decoding
 * is strict: no other character, and no stray bits at the end, so that one text has one meaning. */
void base64url_encode(struct buf *out, const void *bytes, size_t len);
bool base64url_decode(struct buf *out, const char *s, size_t len);
bool base64_decode(struct buf *out, const char *s, size_t len);

/* A decimal number without sign or space. Numbers too large for int64_t become INT64_MAX. */
bool decimal_parse(const char *s, size_t len, int64_t *value);

/* A length of time, as a number with s, m, h, d or w behind it, like 12h or 90d: in seconds, at
 * most a hundred years. */
bool duration_parse(const char *s, int64_t *seconds);

#define RFC3339_SIZE sizeof "2006-01-02T15:04:05Z"
void rfc3339_format(char out[RFC3339_SIZE], time_t when); /* UTC */

#define UUID_SIZE 37                 /* with the NUL */
void uuid_make(char out[UUID_SIZE]); /* version 4, from getrandom(2) */
bool uuid_valid(const char *s, size_t len);

#endif
