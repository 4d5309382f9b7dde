/* SPDX-License-Identifier: Apache-2.0
 * L0: random identifiers. */
#include "base/uuid.h"

#include "base/hex.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The places of the dashes in 8-4-4-4-12. */
static bool is_dash(size_t i)
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
        out[i] = is_dash(i) ? '-' : *digit++;
    out[UUID_SIZE - 1] = '\0';
}

bool uuid_valid(const char *s, size_t len)
{
    if (len != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        if (is_dash(i) ? s[i] != '-' : !memchr("0123456789abcdef", s[i], 16))
            return false;
    return true;
}
