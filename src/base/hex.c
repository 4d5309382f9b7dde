/* SPDX-License-Identifier: Apache-2.0
 * L0: bytes as hexadecimal digits. */
#include "base/hex.h"

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
