/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth health`: asks a registry whether it is well, for HEALTHCHECK and the like. */
#include "admin/command.h"
#include "serve/probe.h"

#define SECONDS 5

struct health_line {
    struct options_common common;
    bool live, tls;
    int64_t timeout;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct health_line, live, 0, "live", NULL,
                "ask whether it answers, not whether it could take a push"),
    OPTIONS_ROW(struct health_line, tls, 0, "tls", NULL, "ask by TLS, whatever its certificate is"),
    OPTIONS_NUMBER(struct health_line, timeout, 0, "timeout", "TIME",
                   "wait so long, like 2s (default: 5s)", 1, 0),
    OPTIONS_END,
};

static int run(const void *said, char **args, struct err *err)
{
    const struct health_line *line = said;
    const struct probe probe = {.address = args[0],
                                .tls = line->tls,
                                .live = line->live,
                                .seconds = line->timeout > 0 ? (int)line->timeout : SECONDS};
    AUTO_BUF where = BUF_INIT;

    if (probe_ask(&probe, &where, err) < 0)
        return -1;
    printf("%s is %s\n", where.s, line->live ? "alive" : "ready");
    return 0;
}

const struct command health_command = {
    .name = "health",
    .arguments = "[ADDR:PORT]",
    .summary = "ask a registry whether it is well; the exit status is 1 if it is not",
    .args_min = 0,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct health_line),
    .run = run,
};
