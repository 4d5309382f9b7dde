/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth fsck`. */
#include "fsck/fsck.h"
#include "admin/command.h"
#include "admin/fsck_report.h"
#include "admin/open.h"

#include "auth/policy.h"
#include "base/amount.h"
#include "base/clock.h"
#include "cli/bar.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct fsck_line {
    struct options_common common;
    bool fast, repair;
    const char *state;
    int jobs;
    int64_t grace;
    bool quiet;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct fsck_line, fast, 0, "fast", NULL,
                "do not read the blobs through to hash them"),
    OPTIONS_ROW(struct fsck_line, repair, 0, "repair", NULL, "mend what can be mended"),
    OPTIONS_ROW(struct fsck_line, state, 0, "state", "FILE",
                "go on where the run stopped that wrote this file, and write it"),
    OPTIONS_JOBS(struct fsck_line),
    OPTIONS_GRACE(struct fsck_line),
    OPTIONS_QUIET(struct fsck_line),
    OPTIONS_END,
};

static atomic_bool stop; /* without a lock, so a handler may set it */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

/* What a check says, while it goes on. */
struct report {
    bool json;
    struct bar items, bytes;
    struct err *err;
    bool failed; /* standard output */
};

/* Each is printed when it is found: a check may take days. */
static void report_finding(void *context, const struct fsck_finding *finding)
{
    struct report *report = context;

    bar_end(&report->items);
    bar_end(&report->bytes);
    if (!report->failed && fsck_report_finding(finding, report->json, report->err) < 0) {
        report->failed = true;
        atomic_store(&stop, true);
    }
}

static int outcome(const struct fsck_summary *summary, const struct fsck_line *options,
                   struct err *err)
{
    char faults[AMOUNT_TEXT];
    int64_t left = summary->errors + summary->warnings - summary->repaired;

    if (summary->stopped)
        return err_set(err, ERR_BUSY, "stopped before the end%s",
                       options->state ? ": the same command goes on from there" : "");
    if (left == 0)
        return 0;
    amount_count(faults, left, "fault");
    return err_set(err, ERR_DAMAGED, "%s%s", faults,
                   options->repair ? " could not be mended, see above"
                                   : ": berth fsck --repair mends what can be mended");
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    /* The second one ends it at once. */
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

static bool may_lack(const void *rules, const struct name *name)
{
    return policy_is_sparse(rules, name);
}

/* As root owners can be put right; all the rest is done as the owner of the store. */
static int check(struct opened *opened, const struct fsck_line *options, struct report *report,
                 struct err *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct fsck_options how = {
        .fast = options->fast,
        .repair = options->repair,
        .jobs = options->jobs    ? options->jobs
                : processors > 0 ? (int)processors
                                 : 1,
        .grace = options->grace >= 0 ? options->grace : opened->conf.frozen.store.grace,
        .may_lack = may_lack,
        .rules = &opened->conf.live.policy,
        .state = options->state,
        .items = &report->items.progress,
        .bytes = &report->bytes.progress,
        .stop = &stop,
    };
    double start = clock_seconds();

    struct fsck *fsck = fsck_start(&opened->store, &how, report_finding, report);
    fsck_files(fsck);
    int result = open_as_owner(&opened->conf, err);
    config_open_metrics(&opened->conf.frozen, &opened->conf.live, NULL);
    if (result == 0)
        result = fsck_content(fsck, err);
    bar_end(&report->items);
    bar_end(&report->bytes);
    if (result == 0 && !report->failed)
        result =
            fsck_report_summary(fsck_summary(fsck), clock_seconds() - start, report->json, err);
    if (result == 0)
        result = report->failed ? -1 : outcome(fsck_summary(fsck), options, err);
    fsck_end(fsck);
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct fsck_line *options = said;
    struct opened opened;
    struct err print_failure = {0};
    struct report report = {.json = options->common.json, .err = &print_failure};

    (void)args;
    if (open_any(&options->common, &opened, err) < 0)
        return -1;
    bar_start(&report.items, BAR_ITEMS, options->quiet);
    bar_start(&report.bytes, BAR_BYTES, options->quiet);
    catch_signals();
    int result = check(&opened, options, &report, err);
    if (report.failed)
        err_copy(err, &print_failure);
    open_close(&opened);
    return result;
}

const struct command fsck_command = {
    .name = "fsck",
    .arguments = "",
    .summary = "check the whole store, and mend it with --repair",
    .args_min = 0,
    .args_max = 0,
    .rows = rows,
    .size = sizeof(struct fsck_line),
    .run = run,
};
