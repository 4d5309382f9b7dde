/* SPDX-License-Identifier: Apache-2.0
 * L3: retention: removing what does not stay. Reading a repository is in retain_read.c. */
#include "registry/retain_run.h"

#include "base/mem.h"
#include "registry/pulled.h"
#include "registry/remove.h"
#include "registry/retain_read.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdlib.h>

/* A repository that changes under each of so many runs is left to the next. */
#define TRIES_MAX 4

/* What was judged; asked again under the lock. */
struct seen {
    const struct registry *registry;
    const struct retain_run *run;
    const struct name *name;
    const struct retain_tag *tag; /* NULL: it is the manifest */
    const struct retain_manifest *manifest;
};

static bool tag_is_as_seen(const void *context, const struct digest *current)
{
    const struct seen *seen = context;
    const struct registry *registry = seen->registry;
    const struct retain_tag *tag = seen->tag;
    const struct tag name = retain_tag_name(tag);
    int64_t when, pulled = -1;
    struct err err;

    if (!current || !digest_equal(current, &tag->digest) ||
        tag_time(registry->store, seen->name, &name, &when, &err) <= 0 || when != tag->set)
        return false;
    return !seen->run->section->pulled.text ||
           (pulled_time(registry->store, seen->name, &name, &pulled, &err) >= 0 &&
            pulled == tag->pulled);
}

static bool manifest_is_as_seen(const void *context, const struct digest *current)
{
    const struct seen *seen = context;
    int64_t when;
    struct err err;

    return current &&
           repo_revision_time(seen->registry->store, seen->name, current, &when, &err) > 0 &&
           when == seen->manifest->since;
}

/* 0: it is not any more what was judged. */
static int removed(int result, const struct err *failure, struct err *err)
{
    if (result == 0)
        return 1;
    if (failure->code == ERR_PRECONDITION || failure->code == ERR_MANIFEST_UNKNOWN ||
        failure->code == ERR_DENIED)
        return 0;
    return err_copy(err, failure);
}

static void tag_went(const struct registry *registry, const struct retain_run *run,
                     const struct name *name, const struct retain_history *history,
                     struct retain_tag *tag)
{
    const struct tag text = retain_tag_name(tag);

    tag->gone = true;
    pulled_forget(registry->store, name, &text, NULL);
    if (run->tag_gone)
        run->tag_gone(run->context, history, tag);
}

static int remove_tag(const struct registry *registry, const struct retain_run *run,
                      const struct name *name, struct retain_history *history,
                      struct retain_tag *tag, struct err *err)
{
    const struct reference reference = {.tag = retain_tag_name(tag)};
    const struct seen seen = {.registry = registry, .run = run, .name = name, .tag = tag};
    struct err failure;

    int gone =
        removed(remove_manifest(registry, name, &reference,
                                (struct precondition){tag_is_as_seen, &seen}, NULL, &failure),
                &failure, err);
    if (gone > 0)
        tag_went(registry, run, name, history, tag);
    return gone;
}

/* Signatures' tags go with their manifest. */
static bool goes_alone(const struct retain_tag *tag)
{
    return !tag->stays && tag->reason != RETAIN_SUBJECT_GOES;
}

static int remove_tags(const struct registry *registry, const struct retain_run *run,
                       const struct name *name, struct retain_history *history, struct err *err)
{
    int gone = 1;

    for (size_t i = 0; gone > 0 && i < history->n_tags; i++)
        if (goes_alone(&history->tags[i]))
            gone = remove_tag(registry, run, name, history, &history->tags[i], err);
    return gone;
}

static bool goes_with(const struct retain_tag *tag, uint32_t number)
{
    return !tag->stays && tag->reason == RETAIN_SUBJECT_GOES && tag->subject == number;
}

static int remove_one(const struct registry *registry, const struct retain_run *run,
                      const struct name *name, struct retain_history *history, uint32_t number,
                      struct err *err)
{
    struct retain_manifest *manifest = &history->manifests[number];
    const struct seen seen = {.registry = registry, .run = run, .name = name, .manifest = manifest};
    AUTO_STRINGS signatures = {0};
    struct err failure;

    for (size_t i = 0; i < history->n_tags; i++)
        if (goes_with(&history->tags[i], number))
            strings_add(&signatures, history->tags[i].name);
    int gone = removed(remove_unused(registry, name, &manifest->digest,
                                     (struct precondition){manifest_is_as_seen, &seen}, &signatures,
                                     &failure),
                       &failure, err);
    if (gone <= 0)
        return gone;
    for (size_t i = 0; i < history->n_tags; i++)
        if (goes_with(&history->tags[i], number))
            tag_went(registry, run, name, history, &history->tags[i]);
    manifest->gone = true;
    if (run->manifest_gone)
        run->manifest_gone(run->context, history, manifest);
    return 1;
}

struct ranked {
    uint32_t number, rank;
};

static int compare_ranks(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static int remove_manifests(const struct registry *registry, const struct retain_run *run,
                            const struct name *name, struct retain_history *history,
                            struct err *err)
{
    struct ranked *order = mem_alloc(history->n_manifests * sizeof *order);
    size_t n = 0;
    int gone = 1;

    for (size_t i = 0; i < history->n_manifests; i++)
        if (!history->manifests[i].stays)
            order[n++] = (struct ranked){(uint32_t)i, history->manifests[i].rank};
    if (n)
        qsort(order, n, sizeof *order, compare_ranks);
    for (size_t i = 0; gone > 0 && i < n; i++)
        gone = remove_one(registry, run, name, history, order[i].number, err);
    free(order);
    return gone;
}

static void leave_to_next_run(struct retain_history *history)
{
    for (size_t i = 0; i < history->n_tags; i++) {
        struct retain_tag *tag = &history->tags[i];
        if (!tag->stays && !tag->gone) {
            tag->stays = true;
            tag->reason = RETAIN_CHANGED;
        }
    }
    for (size_t i = 0; i < history->n_manifests; i++) {
        struct retain_manifest *manifest = &history->manifests[i];
        if (!manifest->stays && !manifest->gone) {
            manifest->stays = true;
            manifest->reason = RETAIN_CHANGED;
        }
    }
}

/* 0: somebody changed the repository, so that what was decided need not be right any more. */
static int try_once(const struct registry *registry, struct retain_run *run,
                    const struct name *name, struct retain_history *history, struct err *err)
{
    retain_history_free(history);
    int done = retain_read(registry, run, name, history, err);
    if (done <= 0)
        return done;
    retain_decide(run->section, history);
    if (!run->dry_run)
        done = remove_tags(registry, run, name, history, err);
    if (!run->dry_run && done > 0)
        done = remove_manifests(registry, run, name, history, err);
    return done;
}

int retain_run(const struct registry *registry, struct retain_run *run, const struct name *name,
               struct retain_history *history, struct err *err)
{
    int done = 0;

    for (int i = 0; done == 0 && i < TRIES_MAX; i++)
        done = try_once(registry, run, name, history, err);
    if (done == 0)
        leave_to_next_run(history);
    return done < 0 ? -1 : 0;
}
