/* SPDX-License-Identifier: Apache-2.0
 * L1: output of subcommands. */
#include "cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int print_out(const struct buf *text, struct err *err)
{
    if (fwrite(text->s, 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return err_sys(err, errno, "standard output");
    return 0;
}

int print_width(const struct strings *column, const char *title)
{
    size_t width = strlen(title);

    for (size_t i = 0; i < column->n; i++)
        if (strlen(column->v[i]) > width)
            width = strlen(column->v[i]);
    return (int)width;
}
