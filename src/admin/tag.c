/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth tag`. */
#include "admin/command.h"
#include "admin/cp.h"

#include <string.h>

static int run(const void *said, char **args, struct err *err)
{
    const struct cp_line *options = said;
    struct copy copy = {.referrers = !options->no_referrers};
    struct reference source, target = {0};

    if (reference_parse_full(&copy.from, &source, args[0], err) < 0)
        return -1;
    copy.to = copy.from;
    copy.tag = &target.tag;
    if (strpbrk(args[1], ":@/")) {
        if (!strpbrk(args[1], ":@"))
            return err_set(err, ERR_USAGE, "%s: give a tag, or REPOSITORY:TAG", args[1]);
        if (cp_parse_target(args[1], &copy.to, &target, err) < 0)
            return -1;
    } else if (tag_parse(&target.tag, args[1], strlen(args[1]), err) < 0) {
        return -1;
    }
    return cp_run(options, &source, copy, err);
}

const struct command tag_command = {
    .name = "tag",
    .arguments = "REPOSITORY[:TAG|@DIGEST] TAG|REPOSITORY:TAG",
    .summary = "give a manifest another tag",
    .args_min = 2,
    .args_max = 2,
    .rows = cp_rows,
    .size = sizeof(struct cp_line),
    .run = run,
};
