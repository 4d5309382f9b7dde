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

int admin_print(const struct buf *text, struct err *err)
{
    if (fwrite(text->s, 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return err_sys(err, errno, "standard output");
    return 0;
}
