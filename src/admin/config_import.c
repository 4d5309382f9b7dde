/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth config import`: the berth.conf that means what registry:2 was told. */
#include "admin/command.h"
#include "cli/output.h"
#include "distribution/distribution.h"

#include <stdio.h>
#include <unistd.h>

static int run(const void *said, char **args, struct err *err)
{
    AUTO_DISTRIBUTION distribution = {0};
    AUTO_OUTPUT out = OUTPUT_INIT;

    (void)said;
    output_begin(&out, false);
    if (distribution_read(&distribution, args[0], (const char *const *)environ, err) < 0)
        return -1;
    buf_addf(&out.text, "# berth.conf(5), from %s and the environment (REGISTRY_*).\n", args[0]);
    distribution_print_remarks(&distribution, &out.text);
    buf_addstr(&out.text, "\n");
    if (distribution_print(&distribution, NULL, &out.text, err) < 0)
        return -1;
    distribution_print_serve(&distribution, &out.text);
    if (output_end(&out, err) < 0)
        return -1;
    return distribution_check(&distribution, err);
}

const struct command config_import_command = {
    .name = "config import",
    .arguments = "CONFIG.YML",
    .summary = "print what a config.yml of registry:2 means as berth.conf",
    .args_min = 1,
    .args_max = 1,
    .size = sizeof(struct options_common),
    .run = run,
};
