/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth rm -r`. */
#include "admin/rm.h"
#include "base/amount.h"
#include "cli/bar.h"
#include "cli/table.h"
#include "cli/table_json.h"
#include "registry/list.h"
#include "registry/remove.h"
#include "registry/usage.h"
#include "store/repo.h"
#include "store/upload.h"

#include <stdio.h>
#include <string.h>

/* All that a repository holds. */
struct inventory {
    struct name name;
    struct strings tags, manifests, uploads;
    size_t busy_uploads; /* stay */
    bool measured;       /* usage is known */
    struct usage_repository usage;
};

static void inventory_free(struct inventory *inventory)
{
    strings_free(&inventory->tags);
    strings_free(&inventory->manifests);
    strings_free(&inventory->uploads);
}

static int note_manifest(void *context, const struct digest *digest, int64_t when, struct err *err)
{
    struct inventory *inventory = context;

    (void)when;
    (void)err;
    strings_add(&inventory->manifests, digest->s);
    return 0;
}

/* A repository may have nothing yet but an upload. */
static int take_inventory(const struct registry *registry, struct inventory *inventory,
                          struct err *err)
{
    struct page everything = {NULL, INT64_MAX};
    struct err failure;
    bool more;

    int has_uploads = upload_list(registry->store, &inventory->name, &inventory->uploads, err);
    if (has_uploads < 0)
        return -1;
    if (list_tags(registry, &inventory->name, everything, &inventory->tags, &more, &failure) < 0 &&
        (failure.code != ERR_NAME_UNKNOWN || !has_uploads)) {
        return err_copy(err, &failure);
    }
    return repo_each_manifest(registry->store, &inventory->name, note_manifest, inventory, err);
}

/* What the collector could free afterwards. */
static int measure(const struct registry *registry, const struct rm_line *options,
                   struct inventory *inventory, struct err *err)
{
    struct usage usage;
    struct bar bar;

    bar_start(&bar, BAR_ITEMS, options->quiet);
    int result = usage_measure(registry, false, &bar.progress, &usage, err);
    bar_end(&bar);
    if (result < 0)
        return -1;
    for (size_t i = 0; i < usage.n; i++)
        if (!strcmp(usage.repositories[i].name, inventory->name.s))
            inventory->usage = usage.repositories[i];
    inventory->usage.name = NULL;
    inventory->measured = true;
    usage_free(&usage);
    return 0;
}

/* What goes. The list of uploads may be older than what was found to be busy. */
struct removed {
    const char *name;
    bool dry_run;
    struct strings tags, manifests;
    int64_t uploads;
    struct amount own, shared;
};

static const struct table_column columns[] = {
    TABLE_COLUMN(struct removed, name, TABLE_TEXT, "name", NULL),
    TABLE_COLUMN(struct removed, dry_run, TABLE_FLAG, "dryRun", NULL),
    TABLE_COLUMN(struct removed, tags, TABLE_LIST, "tags", NULL),
    TABLE_COLUMN(struct removed, manifests, TABLE_LIST, "manifests", NULL),
    TABLE_COLUMN(struct removed, uploads, TABLE_NUMBER, "uploads", NULL),
    TABLE_END,
};

static const struct table_column measured_columns[] = {
    TABLE_COLUMN(struct removed, own, TABLE_SUM, "own", NULL),
    TABLE_COLUMN(struct removed, shared, TABLE_SUM, "shared", NULL),
    TABLE_END,
};

static void print_text(const struct removed *removed, bool measured, struct buf *out)
{
    const char *verb = removed->dry_run ? "would remove" : "removed", *name = removed->name;
    char tags[AMOUNT_TEXT], manifests[AMOUNT_TEXT], uploads[AMOUNT_TEXT];
    char own[AMOUNT_TEXT], own_blobs[AMOUNT_TEXT], shared[AMOUNT_TEXT];

    for (size_t i = 0; i < removed->tags.n; i++)
        buf_addf(out, "%s %s:%s\n", verb, name, removed->tags.v[i]);
    for (size_t i = 0; i < removed->manifests.n; i++)
        buf_addf(out, "%s %s@%s\n", verb, name, removed->manifests.v[i]);
    amount_count(tags, (int64_t)removed->tags.n, "tag");
    amount_count(manifests, (int64_t)removed->manifests.n, "manifest");
    amount_count(uploads, removed->uploads, "upload");
    buf_addf(out, "%s %s: %s, %s, %s\n", verb, name, tags, manifests, uploads);
    if (!measured)
        return;
    amount_size(own, removed->own.bytes);
    amount_count(own_blobs, removed->own.n, "blob");
    amount_size(shared, removed->shared.bytes);
    buf_addf(out, "%s in %s would be left to berth gc; %s in %jd others have too\n", own, own_blobs,
             shared, (intmax_t)removed->shared.n);
}

static int print_removed(const struct inventory *inventory, const struct rm_line *options,
                         struct err *err)
{
    size_t uploads = inventory->uploads.n, busy = inventory->busy_uploads;
    const struct removed removed = {
        .name = inventory->name.s,
        .dry_run = options->dry_run,
        .tags = inventory->tags,
        .manifests = inventory->manifests,
        .uploads = uploads > busy ? (int64_t)(uploads - busy) : 0,
        .own = inventory->usage.own,
        .shared = inventory->usage.shared,
    };
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, options->common.json);
    table_sheet(columns, &removed, &out);
    if (out.json && inventory->measured)
        table_json_members(measured_columns, &removed, out.json);
    else if (!out.json)
        print_text(&removed, inventory->measured, &out.text);
    return output_end(&out, err);
}

static int run(const struct registry *registry, const struct rm_line *options,
               struct inventory *inventory, struct err *err)
{
    if (take_inventory(registry, inventory, err) < 0) {
        if (err->code == ERR_NAME_UNKNOWN && !options->dry_run) /* its directories may be left */
            remove_repository(registry, &inventory->name, &inventory->busy_uploads, err);
        return -1;
    }
    if (options->dry_run && measure(registry, options, inventory, err) < 0)
        return -1;
    if (!options->dry_run &&
        remove_repository(registry, &inventory->name, &inventory->busy_uploads, err) < 0)
        return -1;
    size_t busy = inventory->busy_uploads;
    if (busy)
        fprintf(stderr, "berth: %zu upload%s to %s %s under way and stay%s\n", busy,
                busy == 1 ? "" : "s", inventory->name.s, busy == 1 ? "is" : "are",
                busy == 1 ? "s" : "");
    return print_removed(inventory, options, err);
}

int rm_repository(const struct registry *registry, const struct rm_line *options,
                  const struct name *name, struct err *err)
{
    struct inventory inventory = {.name = *name};

    int result = run(registry, options, &inventory, err);
    inventory_free(&inventory);
    return result;
}
