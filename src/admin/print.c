/* SPDX-License-Identifier: Apache-2.0
 * L5: output of subcommands. */
#include "admin/admin.h"

#include <errno.h>
#include <stdio.h>

void admin_size_text(char out[ADMIN_SIZE_TEXT], int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1024;
        unit++;
    }
    snprintf(out, ADMIN_SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

void admin_age_text(char out[ADMIN_AGE_TEXT], int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t unit = 0;

    while (unit + 1 < sizeof units / sizeof *units && seconds < 2 * units[unit].seconds)
        unit++;
    int64_t n = seconds / units[unit].seconds;
    snprintf(out, ADMIN_AGE_TEXT, "%jd %s%s", (intmax_t)n, units[unit].name, n == 1 ? "" : "s");
}

int admin_print(const struct buf *text, struct err *err)
{
    if (fwrite(text->s, 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return err_sys(err, errno, "standard output");
    return 0;
}
