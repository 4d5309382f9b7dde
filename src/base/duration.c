/* SPDX-License-Identifier: Apache-2.0
 * L0: lengths of time. */
#include "base/duration.h"

#include "base/decimal.h"

#include <string.h>

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
