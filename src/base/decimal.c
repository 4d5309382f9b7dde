/* SPDX-License-Identifier: Apache-2.0
 * L0: decimal numbers. */
#include "base/decimal.h"

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
