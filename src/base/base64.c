/* SPDX-License-Identifier: Apache-2.0
 * L0: base64 and base64url. */
#include "base/base64.h"

#include <string.h>

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char plain_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_digits(struct buf *out, const void *bytes, size_t len, const char *digits)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned group = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                         (n > 2 ? (unsigned)p[i + 2] : 0);
        for (size_t k = 0; k <= n; k++)
            buf_addc(out, digits[group >> (18 - 6 * k) & 63]);
    }
}

void base64_encode_url(struct buf *out, const void *bytes, size_t len)
{
    encode_digits(out, bytes, len, url_digits);
}

void base64_encode(struct buf *out, const void *bytes, size_t len)
{
    encode_digits(out, bytes, len, plain_digits);
    buf_add(out, "==", (3 - len % 3) % 3);
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

bool base64_decode_url(struct buf *out, const char *s, size_t len)
{
    return decode_digits(out, s, len, url_digits);
}

bool base64_decode(struct buf *out, const char *s, size_t len)
{
    size_t padding = 0;

    while (padding < 2 && padding < len && s[len - 1 - padding] == '=')
        padding++;
    return len % 4 == 0 && decode_digits(out, s, len - padding, plain_digits);
}
