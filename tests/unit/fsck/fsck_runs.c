/* SPDX-License-Identifier: Apache-2.0
 * Runs of fsck in tests. */
#include "unit/fsck/fsck_runs.h"

#include "base/strings.h"

#include <stdlib.h>

static void keep(void *context, const struct fsck_finding *finding)
{
    strings_add(context, fsck_code_text(finding->code));
}

static int run(const struct store *store, const struct fsck_options *options, struct strings *codes,
               struct fsck_summary *summary, struct err *err)
{
    struct store copy = *store;
    struct fsck *fsck = fsck_start(&copy, options, keep, codes);

    fsck_files(fsck);
    int result = fsck_content(fsck, err);
    if (summary)
        *summary = *fsck_summary(fsck);
    fsck_end(fsck);
    return result;
}

const char *fsck_found(const struct store *store, const struct fsck_options *options,
                       struct fsck_summary *summary)
{
    static struct buf text;
    AUTO_STRINGS codes = {0};

    assert_returns(0, run(store, options, &codes, summary, &failure));
    strings_sort(&codes);
    buf_free(&text);
    buf_addstr(&text, "");
    for (size_t i = 0; i < codes.n; i++)
        buf_addf(&text, "%s ", codes.v[i]);
    return text.s;
}

const char *fsck_check(const struct store *store)
{
    struct fsck_options options = {.jobs = 2, .grace = 3600};

    return fsck_found(store, &options, NULL);
}

const char *fsck_repair(const struct store *store)
{
    struct fsck_options options = {.jobs = 2, .grace = 3600, .repair = true};

    return fsck_found(store, &options, NULL);
}

int fsck_run(const struct store *store, const struct fsck_options *options,
             struct fsck_summary *summary, struct err *err)
{
    AUTO_STRINGS codes = {0};

    return run(store, options, &codes, summary, err);
}
