/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth fsck`. */
#include "fsck/fsck.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"

#include "admin/progress.h"
#include "base/amount.h"
#include "base/clock.h"
#include "base/json.h"

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

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

struct output {
    bool json;
    struct bar items, bytes;
    struct err *err;
    bool failed; /* standard output */
};

/* File names may hold anything; a finding is one line. */
static void add_text(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            buf_addf(out, "\\x%02x", (unsigned char)*c);
        else
            buf_addc(out, *c);
    }
}

static void print_text(const struct fsck_finding *finding, struct buf *out)
{
    buf_addf(out, "%s %s ", fsck_code_text(finding->code), fsck_code_severity(finding->code));
    if (finding->path)
        add_text(out, finding->path);
    else
        buf_addf(out, "%s@%s", finding->repository, finding->digest);
    buf_addstr(out, ": ");
    add_text(out, finding->message);
    if (finding->repaired) {
        buf_addstr(out, "; repaired: ");
        add_text(out, finding->repaired);
    } else if (finding->not_repaired) {
        buf_addstr(out, "; not repaired: ");
        add_text(out, finding->not_repaired);
    }
    buf_addc(out, '\n');
}

static void add_member(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, ",\"%s\":", key);
    if (value)
        json_quote(value, out);
    else
        buf_addstr(out, "null");
}

static void print_json(const struct fsck_finding *finding, struct buf *out)
{
    buf_addf(out, "{\"code\":\"%s\",\"severity\":\"%s\"", fsck_code_text(finding->code),
             fsck_code_severity(finding->code));
    add_member(out, "repository", finding->repository);
    add_member(out, "digest", finding->digest);
    add_member(out, "path", finding->path);
    add_member(out, "message", finding->message);
    add_member(out, "repaired", finding->repaired);
    add_member(out, "notRepaired", finding->not_repaired);
    buf_addstr(out, "}\n");
}

/* Each is printed when it is found: a check may take days. */
static void print_finding(void *context, const struct fsck_finding *finding)
{
    struct output *output = context;
    AUTO_BUF out = BUF_INIT;

    bar_end(&output->items);
    bar_end(&output->bytes);
    if (output->json)
        print_json(finding, &out);
    else
        print_text(finding, &out);
    if (!output->failed && print_out(&out, output->err) < 0) {
        output->failed = true;
        stop = 1;
    }
}

static void count(struct buf *out, int64_t n, const char *one, const char *many)
{
    buf_addf(out, "%s%jd %s", out->len ? ", " : "", (intmax_t)n, n == 1 ? one : many);
}

static void print_summary_text(const struct fsck_summary *summary, double seconds, struct buf *out)
{
    char size[AMOUNT_TEXT];
    AUTO_BUF line = BUF_INIT;

    amount_size(size, summary->hashed_bytes);
    count(&line, summary->repositories, "repository", "repositories");
    count(&line, summary->manifests, "manifest", "manifests");
    count(&line, summary->blobs, "blob", "blobs");
    buf_addf(&line, ", %s hashed", size);
    if (summary->skipped)
        buf_addf(&line, " (%jd blobs by earlier runs)", (intmax_t)summary->skipped);
    count(&line, summary->errors, "error", "errors");
    count(&line, summary->warnings, "warning", "warnings");
    buf_addf(&line, ", %jd repaired", (intmax_t)summary->repaired);
    if (summary->lost)
        buf_addf(&line, ", %jd of them to be pushed again", (intmax_t)summary->lost);
    if (summary->awaited)
        buf_addf(&line, ", %jd noted before and not pushed yet", (intmax_t)summary->awaited);
    buf_addf(out, "%s, %.1f s%s\n", line.s, seconds, summary->stopped ? ", stopped" : "");
}

static void print_summary(const struct fsck_summary *summary, double seconds, bool json,
                          struct buf *out)
{
    if (!json) {
        print_summary_text(summary, seconds, out);
        return;
    }
    buf_addf(out,
             "{\"summary\":{\"repositories\":%jd,\"manifests\":%jd,\"blobs\":%jd,\"hashed\":%jd,"
             "\"bytesHashed\":%jd,\"skipped\":%jd,",
             (intmax_t)summary->repositories, (intmax_t)summary->manifests,
             (intmax_t)summary->blobs, (intmax_t)summary->hashed, (intmax_t)summary->hashed_bytes,
             (intmax_t)summary->skipped);
    buf_addf(out,
             "\"findings\":%jd,\"errors\":%jd,\"warnings\":%jd,\"repaired\":%jd,\"lost\":%jd,"
             "\"awaited\":%jd,\"seconds\":%.3f,\"complete\":%s}}\n",
             (intmax_t)(summary->errors + summary->warnings), (intmax_t)summary->errors,
             (intmax_t)summary->warnings, (intmax_t)summary->repaired, (intmax_t)summary->lost,
             (intmax_t)summary->awaited, seconds, summary->stopped ? "false" : "true");
}

static int outcome(const struct fsck_summary *summary, const struct fsck_line *options,
                   struct err *err)
{
    int64_t left = summary->errors + summary->warnings - summary->repaired;

    if (summary->stopped)
        return err_set(err, ERR_BUSY, "stopped before the end%s",
                       options->state ? ": the same command goes on from there" : "");
    if (left == 0)
        return 0;
    return err_set(err, ERR_DAMAGED, "%jd %s%s", (intmax_t)left, left == 1 ? "fault" : "faults",
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

/* As root owners can be put right; all the rest is done as the owner of the store. */
static int check(struct opened *admin, const struct fsck_line *options, struct output *output,
                 struct err *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct fsck_options how = {
        .fast = options->fast,
        .repair = options->repair,
        .jobs = options->jobs    ? options->jobs
                : processors > 0 ? (int)processors
                                 : 1,
        .grace = options->grace >= 0 ? options->grace : admin->conf.grace,
        .state = options->state,
        .items = &output->items.progress,
        .bytes = &output->bytes.progress,
        .stop = &stop,
    };
    AUTO_BUF out = BUF_INIT;
    double start = clock_seconds();

    struct fsck *fsck = fsck_start(&admin->store, &how, print_finding, output);
    fsck_files(fsck);
    int result = open_as_owner(&admin->conf, err);
    if (result == 0)
        result = fsck_content(fsck, err);
    bar_end(&output->items);
    bar_end(&output->bytes);
    if (result == 0 && !output->failed) {
        print_summary(fsck_summary(fsck), clock_seconds() - start, output->json, &out);
        result = print_out(&out, err);
    }
    if (result == 0)
        result = output->failed ? -1 : outcome(fsck_summary(fsck), options, err);
    fsck_end(fsck);
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct fsck_line *options = said;
    struct opened admin;
    struct err print_failure = {0};
    struct output output = {.json = options->common.json, .err = &print_failure};

    (void)args;
    if (open_any(&options->common, &admin, err) < 0)
        return -1;
    bar_start(&output.items, BAR_ITEMS, options->quiet);
    bar_start(&output.bytes, BAR_BYTES, options->quiet);
    catch_signals();
    int result = check(&admin, options, &output, err);
    if (output.failed)
        err_copy(err, &print_failure);
    open_close(&admin);
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
