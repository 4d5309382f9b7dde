/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth retain`. */
#include "admin/command.h"
#include "admin/open.h"

#include "base/clock.h"

#include "admin/retain_report.h"
#include "cli/bar.h"
#include "registry/pulled.h"
#include "registry/retain_run.h"
#include "store/repo.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct options_row rows[] = {
    OPTIONS_DRY_RUN(struct retain_line),
    OPTIONS_VERBOSE(struct retain_line),
    OPTIONS_QUIET(struct retain_line),
    OPTIONS_END,
};

struct retaining {
    struct registry registry;
    struct retain_report report;
    struct retain_run run;
    struct bar bar;
};

static bool may_go(const void *context, const struct name *name, const struct tag *tag)
{
    struct policy_hold hold;

    return !policy_holds(context, name, tag, &hold);
}

static void tag_gone(void *context, const struct retain_history *history,
                     const struct retain_tag *tag)
{
    struct retaining *retaining = context;

    retaining->report.tags_removed++;
    retain_report_tag(&retaining->report, history, tag);
}

static void manifest_gone(void *context, const struct retain_history *history,
                          const struct retain_manifest *manifest)
{
    struct retaining *retaining = context;

    retaining->report.manifests_removed++;
    retain_report_manifest(&retaining->report, history, manifest);
}

/* What has not been told when it went. */
static void report_rest(struct retain_report *report, const struct retain_history *history)
{
    for (size_t i = 0; i < history->n_tags; i++) {
        const struct retain_tag *tag = &history->tags[i];
        if (tag->gone)
            continue;
        report->tags_kept += tag->stays;
        report->tags_removed += !tag->stays;
        retain_report_tag(report, history, tag);
    }
    for (size_t i = 0; i < history->n_manifests; i++) {
        const struct retain_manifest *manifest = &history->manifests[i];
        if (manifest->gone)
            continue;
        report->manifests_kept += manifest->stays;
        report->manifests_removed += !manifest->stays;
        retain_report_manifest(report, history, manifest);
    }
}

static int retain_one(struct retaining *retaining, const struct name *name, struct err *err)
{
    struct retain_report *report = &retaining->report;
    struct retain_run *run = &retaining->run;
    AUTO_HISTORY history = {0};
    struct err wrong;

    run->section = retain_section(&report->conf->live.retain, name);
    if (!run->section) {
        report->without_section++;
        return 0;
    }
    run->untagged =
        retain_untagged(&report->conf->live.retain, name, report->conf->frozen.store.grace);
    retain_report_open(report, name, run->section);
    int result = retain_run(&retaining->registry, run, name, &history, &wrong);
    bar_end(&retaining->bar);
    if (result == 0) {
        report_rest(report, &history);
    } else {
        report->failed++;
        fprintf(stderr, "berth: %s: %s\n", name->s, wrong.msg);
    }
    return retain_report_close(report, result < 0 ? &wrong : NULL, err);
}

static int visit(void *context, const struct name *name, struct err *err)
{
    return retain_one(context, name, err);
}

static int retain_named(struct retaining *retaining, const char *text, struct err *err)
{
    struct name name;

    if (name_parse(&name, text, strlen(text), err) < 0)
        return -1;
    if (!retain_section(&retaining->report.conf->live.retain, &name))
        fprintf(stderr, "berth: %s: no retain section is for it\n", name.s);
    return retain_one(retaining, &name, err);
}

static int retain_all(struct retaining *retaining, struct err *err)
{
    struct err wrong;

    if (repo_walk(retaining->registry.store, NULL, visit, retaining, err) < 0)
        return -1;
    if (!retaining->run.dry_run && pulled_sweep(retaining->registry.store, &wrong) < 0) {
        fprintf(stderr, "berth: %s\n", wrong.msg);
        retaining->report.failed++;
    }
    return 0;
}

/* Before anything is removed. */
static int check(const struct config *conf, const struct store *store, char **args, struct err *err)
{
    struct name name;

    if (conf->live.retain.n_retains == 0)
        fprintf(stderr,
                "berth: no rule says what to keep, so everything stays: put one into %s, like "
                "retain \"**\" { newest = 10  younger = \"30d\" }, see berth.conf(5)\n",
                config_path(&conf->files) ? config_path(&conf->files) : SETTINGS_FALLBACK);
    for (size_t i = 0; i < conf->live.retain.n_retains; i++)
        if (retain_check(&conf->live.retain.retains[i], err) < 0)
            return -1;
    for (; *args; args++) {
        if (name_parse(&name, *args, strlen(*args), err) < 0)
            return -1;
        int exists = repo_exists(store, &name, err);
        if (exists <= 0)
            return exists < 0 ? -1 : err_set(err, ERR_NAME_UNKNOWN, "%s", name.s);
    }
    return 0;
}

static int retain(struct retaining *retaining, char **args, struct err *err)
{
    double start = clock_seconds();
    int result = 0;

    retain_report_begin(&retaining->report);
    if (output_print(&retaining->report.out, err) < 0)
        return -1;
    for (char **name = args; *name && result == 0; name++)
        result = retain_named(retaining, *name, err);
    if (!*args)
        result = retain_all(retaining, err);
    if (result < 0 || retain_report_summary(&retaining->report, clock_seconds() - start, err) < 0)
        return -1;
    if (retaining->report.failed)
        return err_set(err, ERR_IO, "not everything could be done, see above");
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct retain_line *options = said;
    struct opened opened;
    struct policy *policy = NULL;
    int result = -1;

    if (open_store(&options->common, !options->dry_run, &opened, err) < 0)
        return -1;
    if (check(&opened.conf, &opened.store, args, err) == 0)
        policy = policy_new(&opened.conf.live.policy, config_checks_logins(&opened.conf.live), err);
    if (policy) {
        struct retaining retaining = {
            .registry = opened.registry,
            .report = {.options = options, .conf = &opened.conf, .policy = policy},
            .run = {.dry_run = options->dry_run,
                    .progress = &retaining.bar.progress,
                    .tag_gone = tag_gone,
                    .manifest_gone = manifest_gone,
                    .context = &retaining},
        };
        retaining.registry.rules = (struct registry_rules){.may_move = may_go, .context = policy};
        bar_start(&retaining.bar, BAR_ITEMS, options->quiet);
        result = retain(&retaining, args, err);
        bar_end(&retaining.bar);
        retain_report_end(&retaining.report);
    }
    policy_free(policy);
    open_close(&opened);
    return result;
}

const struct command retain_command = {
    .name = "retain",
    .arguments = "[REPOSITORY...]",
    .summary = "remove tags and manifests that no rule of the configuration keeps",
    .args_min = 0,
    .args_max = INT_MAX,
    .rows = rows,
    .size = sizeof(struct retain_line),
    .run = run,
};
