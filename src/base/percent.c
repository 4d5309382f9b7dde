/* SPDX-License-Identifier: Apache-2.0
 * L0: percent-encoding. */
#include "base/percent.h"

#include "base/hex.h"

#include <string.h>

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
