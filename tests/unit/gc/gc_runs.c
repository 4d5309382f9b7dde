/* SPDX-License-Identifier: Apache-2.0
 * Runs of the collector in tests. */
#include "unit/gc/gc_runs.h"

#include "registry/remove.h"
#include "store/blob.h"
#include "store/repo.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/time.h>

static int age_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    struct timeval times[2];

    (void)st;
    (void)kind;
    (void)ftw;
    gettimeofday(&times[0], NULL);
    times[0].tv_sec -= OLD;
    times[1] = times[0];
    return lutimes(path, times);
}

void age_all(const struct store *store)
{
    assert_int_equal(0, nftw(store->path, age_one, 16, FTW_PHYS));
}

void told_removes(void *context, const struct gc_item *item)
{
    static const char *const kinds[] = {"tag",    "manifest",   "link",  "blob",
                                        "upload", "repository", "litter"};
    struct told *told = context;
    size_t len = strlen(told->removed);

    snprintf(told->removed + len, sizeof told->removed - len, "%s %s%s%s ", kinds[item->kind],
             item->name ? item->name->s : "", item->name ? "@" : "", item->what);
}

static void problem(void *context, const struct name *name, const char *message)
{
    struct told *told = context;
    size_t len = strlen(told->problems);

    snprintf(told->problems + len, sizeof told->problems - len, "%s: %s\n", name ? name->s : "",
             message);
}

/* The collector asks for a repository's grace after it has read its tags: then something happens.
 */
static int64_t untagged(void *context, const struct name *name, int64_t grace)
{
    struct told *told = context;

    (void)name;
    if (told->meanwhile) {
        void (*happens)(const struct store *) = told->meanwhile;
        told->meanwhile = NULL;
        happens(told->store);
    }
    return grace;
}

struct gc_totals collect(const struct store *store, struct told *told, bool dry_run)
{
    struct gc_options options = {.grace = GRACE,
                                 .dry_run = dry_run,
                                 .untagged = untagged,
                                 .removes = told_removes,
                                 .problem = problem,
                                 .context = told};
    struct gc_totals totals;

    told->store = store;
    assert_returns(0, gc_run(store, &options, &totals, &failure));
    return totals;
}

struct gc_totals gc(const struct store *store, struct told *told)
{
    struct told dry = {.store = NULL};
    struct gc_totals before = collect(store, &dry, true);

    told->removed[0] = '\0';
    struct gc_totals totals = collect(store, told, false);

    assert_string_equal(dry.removed, told->removed);
    assert_int_equal(before.bytes, totals.bytes);
    assert_int_equal(before.blobs.kept, totals.blobs.kept);
    return totals;
}

bool has_blob(const struct store *store, const struct digest *digest)
{
    int64_t size;
    return blob_stat(store, digest, &size, &failure) > 0;
}

bool has_manifest(const struct store *store, const char *repository, const struct digest *digest)
{
    const struct name name = unit_name(repository);
    return repo_has_revision(store, &name, digest, &failure) > 0;
}

void untag(const struct store *store, const char *repository, const char *tag)
{
    const struct name name = unit_name(repository);
    const struct reference reference = reference_to(tag);

    assert_returns(0, remove_manifest(unit_registry(store), &name, &reference,
                                      (struct precondition){0}, NULL, &failure));
}
