/* SPDX-License-Identifier: Apache-2.0
 * L3: what all parts of a pass of the collector know. */
#include "gc/pass.h"

#include <time.h>

#define NS ((int64_t)1000000000)

void pass_begin(struct pass *pass, const struct store *store, const struct gc_options *options,
                struct gc_totals *totals)
{
    struct timespec now;

    *totals = (struct gc_totals){0};
    *pass = (struct pass){
        .store = store,
        .options = options,
        .totals = totals,
        .hold = {.store = store, .dry_run = options->dry_run, .lock = {.fd = -1}},
    };
    clock_gettime(CLOCK_REALTIME, &now);
    pass->began = (int64_t)now.tv_sec * NS + now.tv_nsec;
}

void pass_end(struct pass *pass)
{
    hold_pause(&pass->hold);
    pass->totals->longest_pause = pass->hold.longest_ms;
    digest_map_free(&pass->marked);
    strings_free(&pass->hold.doomed);
}

void pass_problem(struct pass *pass, const struct name *name, const char *message)
{
    pass->totals->problems++;
    if (pass->options->problem)
        pass->options->problem(pass->options->context, name, message);
}

void pass_removes(const struct pass *pass, const struct gc_item *item)
{
    if (pass->options->removes)
        pass->options->removes(pass->options->context, item);
}

int64_t pass_age(const struct pass *pass, int64_t mtime)
{
    return (pass->began - mtime) / NS;
}

bool pass_is_old(const struct pass *pass, const struct stat *st, int64_t grace)
{
    return fs_mtime(st) < pass_before(pass, grace);
}

int64_t pass_before(const struct pass *pass, int64_t grace)
{
    return grace < 0 ? INT64_MIN : pass->began - grace * NS;
}
