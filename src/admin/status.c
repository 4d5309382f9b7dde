/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth status`: one page of who serves, the room, and what is wrong. */
#include "admin/command.h"
#include "admin/open.h"
#include "cli/print.h"
#include "metric/metric_status.h"

#include <unistd.h>

#define EVERY 2 /* seconds */

struct status_line {
    struct options_common common;
    bool watch;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct status_line, watch, 'w', "watch", NULL, "show it again every two seconds"),
    OPTIONS_END,
};

static int show(const struct opened *opened, const struct status_line *line, struct err *err)
{
    const char *root = opened->conf.frozen.store.root;
    struct metric_status status;
    AUTO_BUF text = BUF_INIT;

    metric_status_read(&status, root);
    if (line->watch && !line->common.json)
        buf_addstr(&text, isatty(STDOUT_FILENO) ? "\033[H\033[J" : "");
    metric_status_print(&status, root, line->common.json, &text);
    int result = print_out(&text, err);
    if (result == 0 && status.problems.n && !line->watch)
        result = err_set(err, ERR_NOT_WELL, "%s", status.problems.v[0]);
    metric_status_free(&status);
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct status_line *line = said;
    struct opened opened;

    (void)args;
    if (open_store(&line->common, false, &opened, err) < 0)
        return -1;
    int result = show(&opened, line, err);
    while (result == 0 && line->watch) {
        sleep(EVERY);
        result = show(&opened, line, err);
    }
    open_close(&opened);
    return result;
}

const struct command status_command = {
    .name = "status",
    .arguments = "",
    .summary =
        "who serves, the room, the last gc and fsck; the exit status is 1 if something is wrong",
    .args_min = 0,
    .args_max = 0,
    .rows = rows,
    .size = sizeof(struct status_line),
    .run = run,
};
