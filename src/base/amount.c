/* SPDX-License-Identifier: Apache-2.0
 * L0: amounts for people. */
#include "base/amount.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void amount_size(char out[AMOUNT_TEXT], int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1024;
        unit++;
    }
    snprintf(out, AMOUNT_TEXT, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static const struct {
    int64_t seconds;
    const char *name;
} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};

/* The largest of which there are so many. */
static size_t choose(int64_t seconds, int64_t at_least)
{
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof *units && seconds < at_least * units[unit].seconds)
        unit++;
    return unit;
}

void amount_age(char out[AMOUNT_TEXT], int64_t seconds)
{
    size_t unit = choose(seconds, 2);

    amount_count(out, seconds / units[unit].seconds, units[unit].name);
}

void amount_age_short(char out[AMOUNT_TEXT], int64_t seconds)
{
    size_t unit = choose(seconds, 1);

    snprintf(out, AMOUNT_TEXT, "%jd%c", (intmax_t)(seconds / units[unit].seconds),
             units[unit].name[0]);
}

void amount_count(char out[AMOUNT_TEXT], int64_t n, const char *thing)
{
    size_t len = strlen(thing);
    bool in_y = len > 1 && thing[len - 1] == 'y' && !strchr("aeiou", thing[len - 2]);

    if (n == 1)
        snprintf(out, AMOUNT_TEXT, "1 %.24s", thing);
    else if (in_y)
        snprintf(out, AMOUNT_TEXT, "%jd %.*sies", (intmax_t)n, (int)(len < 24 ? len - 1 : 24),
                 thing);
    else
        snprintf(out, AMOUNT_TEXT, "%jd %.24ss", (intmax_t)n, thing);
}
