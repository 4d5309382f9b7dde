/* SPDX-License-Identifier: Apache-2.0
 * L5: output of subcommands. */
#include "admin/admin.h"

#include <errno.h>
#include <stdio.h>

int admin_print(const struct buf *text, struct err *err)
{
    if (fwrite(text->s, 1, text->len, stdout) != text->len || fflush(stdout) != 0)
        return err_sys(err, errno, "standard output");
    return 0;
}
