/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth rm -r`. */
#include "admin/open.h"
#include "admin/print.h"
#include "admin/progress.h"
#include "admin/rm.h"
#include "base/amount.h"
#include "registry/list.h"
#include "registry/remove.h"
#include "store/repo.h"
#include "store/upload.h"
#include "store/usage.h"

#include <stdio.h>
#include <stdlib.h>
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

static int list_manifests(const struct registry *registry, struct inventory *inventory,
                          struct err *err)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_STRINGS hex = {0};
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        if (repo_list_revisions(registry->store, &inventory->name, algorithm, &hex, err) < 0)
            return -1;
        for (size_t k = 0; k < hex.n; k++) {
            struct digest digest;
            if (digest_from_hex(&digest, algorithm, hex.v[k], NULL) < 0)
                continue;
            int linked = repo_has_revision(registry->store, &inventory->name, &digest, err);
            if (linked < 0)
                return -1;
            if (linked)
                strings_add(&inventory->manifests, digest.s);
        }
    }
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
    return list_manifests(registry, inventory, err);
}

/* What the collector could free afterwards. */
static int measure(const struct registry *registry, const struct rm_line *options,
                   struct inventory *inventory, struct err *err)
{
    struct usage usage;
    struct bar bar;

    bar_start(&bar, BAR_ITEMS, options->quiet);
    int result = usage_measure(registry->store, false, &bar.progress, &usage, err);
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

static void print_names(const char *key, const struct strings *names, struct buf *out)
{
    buf_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < names->n; i++)
        buf_addf(out, "%s\"%s\"", i ? "," : "", names->v[i]);
    buf_addc(out, ']');
}

/* That go. The list may be older than what was found to be busy. */
static size_t uploads_of(const struct inventory *inventory)
{
    return inventory->uploads.n > inventory->busy_uploads
               ? inventory->uploads.n - inventory->busy_uploads
               : 0;
}

static void print_json(const struct inventory *inventory, bool dry_run, struct buf *out)
{
    const struct usage_repository *usage = &inventory->usage;

    buf_addf(out, "{\"name\":\"%s\",\"dryRun\":%s", inventory->name.s, dry_run ? "true" : "false");
    print_names("tags", &inventory->tags, out);
    print_names("manifests", &inventory->manifests, out);
    buf_addf(out, ",\"uploads\":%zu", uploads_of(inventory));
    if (inventory->measured)
        buf_addf(out,
                 ",\"own\":{\"count\":%jd,\"bytes\":%jd},\"shared\":{\"count\":%jd,\"bytes\":%jd}",
                 (intmax_t)usage->own.n, (intmax_t)usage->own.bytes, (intmax_t)usage->shared.n,
                 (intmax_t)usage->shared.bytes);
    buf_addstr(out, "}\n");
}

static void print_text(const struct inventory *inventory, bool dry_run, struct buf *out)
{
    const char *verb = dry_run ? "would remove" : "removed";
    const char *name = inventory->name.s;
    char own[AMOUNT_TEXT], shared[AMOUNT_TEXT];

    for (size_t i = 0; i < inventory->tags.n; i++)
        buf_addf(out, "%s %s:%s\n", verb, name, inventory->tags.v[i]);
    for (size_t i = 0; i < inventory->manifests.n; i++)
        buf_addf(out, "%s %s@%s\n", verb, name, inventory->manifests.v[i]);
    buf_addf(out, "%s %s: %zu tag%s, %zu manifest%s, %zu upload%s\n", verb, name, inventory->tags.n,
             inventory->tags.n == 1 ? "" : "s", inventory->manifests.n,
             inventory->manifests.n == 1 ? "" : "s", uploads_of(inventory),
             uploads_of(inventory) == 1 ? "" : "s");
    if (!inventory->measured)
        return;
    amount_size(own, inventory->usage.own.bytes);
    amount_size(shared, inventory->usage.shared.bytes);
    buf_addf(out, "%s in %jd blobs would be left to berth gc; %s in %jd others have too\n", own,
             (intmax_t)inventory->usage.own.n, shared, (intmax_t)inventory->usage.shared.n);
}

static int run(const struct registry *registry, const struct rm_line *options,
               struct inventory *inventory, struct buf *out, struct err *err)
{
    if (take_inventory(registry, inventory, err) < 0)
        return -1;
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
    (options->common.json ? print_json : print_text)(inventory, options->dry_run, out);
    return 0;
}

int rm_repository(const struct rm_line *options, const char *name, struct err *err)
{
    struct opened admin;
    struct inventory inventory = {0};
    AUTO_BUF out = BUF_INIT;

    if (strpbrk(name, ":@"))
        return err_set(err, ERR_USAGE, "%s: -r removes a whole repository, give its name alone",
                       name);
    if (name_parse(&inventory.name, name, strlen(name), err) < 0 ||
        open_store(&options->common, !options->dry_run, &admin, err) < 0)
        return -1;
    int result = run(&admin.registry, options, &inventory, &out, err);
    if (result == 0)
        result = print_out(&out, err);
    inventory_free(&inventory);
    open_close(&admin);
    return result;
}
