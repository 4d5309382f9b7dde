/* SPDX-License-Identifier: Apache-2.0
 * L0: hex, percent, decimal, time and UUID encodings. */
#include "base/codec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void hex_encode(char *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

/* One more than the digit's value, 0: it is none. A table, since random digits make a processor
 * guess wrong at each comparison, and a collector decodes millions. */
static const unsigned char hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool hex_decode(unsigned char *out, const char *hex, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_values[(unsigned char)hex[2 * i]];
        unsigned low = high ? hex_values[(unsigned char)hex[2 * i + 1]] : 0;
        if (!low)
            return false;
        out[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return true;
}

bool percent_decode_query(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '+') {
            buf_addc(out, ' ');
        } else if (s[i] == '%') {
            char digits[2];
            unsigned char byte;
            if (len - i < 3)
                return false;
            for (int k = 0; k < 2; k++) {
                char c = s[i + 1 + (size_t)k];
                digits[k] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
            }
            if (!hex_decode(&byte, digits, 1))
                return false;
            buf_addc(out, (char)byte);
            i += 2;
        } else {
            buf_addc(out, s[i]);
        }
    }
    return true;
}

void percent_encode(struct buf *out, const char *s)
{
    for (; *s; s++) {
        char c = *s;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~/", c))
            buf_addc(out, c);
        else
            buf_addf(out, "%%%02X", (unsigned char)c);
    }
}

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64url_encode(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned group = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                         (n > 2 ? (unsigned)p[i + 2] : 0);
        for (size_t k = 0; k <= n; k++)
            buf_addc(out, base64url_digits[group >> (18 - 6 * k) & 63]);
    }
}

static bool decode_digits(struct buf *out, const char *s, size_t len, const char *digits)
{
    unsigned bits = 0, n = 0;

    for (size_t i = 0; i < len; i++) {
        const char *digit = s[i] ? strchr(digits, s[i]) : NULL;
        if (!digit)
            return false;
        bits = bits << 6 | (unsigned)(digit - digits);
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_addc(out, (char)(bits >> n));
            bits &= (1u << n) - 1;
        }
    }
    return n < 6 && bits == 0;
}

bool base64url_decode(struct buf *out, const char *s, size_t len)
{
    return decode_digits(out, s, len, base64url_digits);
}

bool base64_decode(struct buf *out, const char *s, size_t len)
{
    size_t padding = 0;

    while (padding < 2 && padding < len && s[len - 1 - padding] == '=')
        padding++;
    return len % 4 == 0 && decode_digits(out, s, len - padding, base64_digits);
}

bool decimal_parse(const char *s, size_t len, int64_t *value)
{
    int64_t n = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, s[i] - '0', &n))
            n = INT64_MAX;
    }
    *value = n;
    return true;
}

#define DURATION_MAX ((int64_t)100 * 365 * 86400)

bool duration_parse(const char *s, int64_t *seconds)
{
    static const char units[] = "smhdw";
    static const int64_t factors[] = {1, 60, 3600, 86400, 7 * 86400};
    size_t len = strlen(s);
    const char *unit = len > 1 ? strchr(units, s[len - 1]) : NULL;
    int64_t n;

    if (!unit || !decimal_parse(s, len - 1, &n) || n > DURATION_MAX / factors[unit - units])
        return false;
    *seconds = n * factors[unit - units];
    return true;
}

void rfc3339_format(char out[RFC3339_SIZE], time_t when)
{
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(out, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The places of the dashes in 8-4-4-4-12. */
static bool uuid_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_make(char out[UUID_SIZE])
{
    unsigned char bytes[16];
    char hex[33];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    hex_encode(hex, bytes, sizeof bytes);
    const char *digit = hex;
    for (size_t i = 0; i < UUID_SIZE - 1; i++)
        out[i] = uuid_dash(i) ? '-' : *digit++;
    out[UUID_SIZE - 1] = '\0';
}

bool uuid_valid(const char *s, size_t len)
{
    if (len != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        if (uuid_dash(i) ? s[i] != '-' : !hex_values[(unsigned char)s[i]])
            return false;
    return true;
}
