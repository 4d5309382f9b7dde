/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth expire`. */
#include "admin/command.h"
#include "admin/gc.h"

static int run(const void *said, char **args, struct err *err)
{
    (void)args;
    return gc_collect(said, gc_expire, err);
}

const struct command expire_command = {
    .name = "expire",
    .arguments = "",
    .summary = "remove uploads to which nothing came for the grace",
    .args_min = 0,
    .args_max = 0,
    .rows = gc_rows,
    .size = sizeof(struct gc_line),
    .run = run,
};
