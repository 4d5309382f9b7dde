/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's tidying of one repository: what crashes and Distribution leave behind. */
#include "gc/tidy.h"

#include "base/dir.h"
#include "gc/uploads.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/repo_remove.h"
#include "store/tag.h"

#include <stdio.h>
#include <string.h>

static const struct fs_root *fs_of(const struct graph *graph)
{
    return &graph->pass->store->fs;
}

/* Whether the digest is a manifest's that stays, or one that is not known to go. */
static bool stays(const struct graph *graph, const struct digest *digest)
{
    const struct graph_node *node = graph_find(graph, digest);

    return node && node->has_revision && (node->live || graph->damaged);
}

/* A tag's memory of a manifest that went. */
static int tidy_index_entry(struct graph *graph, const struct tag *tag, const struct digest *digest,
                            struct err *err)
{
    struct layout_path path;
    struct stat st;
    struct digest current;

    if (stays(graph, digest))
        return 0;
    if (hold_take(&graph->pass->hold, err) < 0)
        return -1;
    int found = tag_get(graph->pass->store, graph->name, tag, &current, err);
    if (found <= 0 || digest_equal(&current, digest))
        return found < 0 ? -1 : 0;
    found = fs_stat(fs_of(graph), layout_tag_index(&path, graph->name, tag, digest), &st, err);
    if (found <= 0 || !pass_is_old(graph->pass, &st, graph->pass->options->grace))
        return found < 0 ? -1 : 0;
    return hold_unlink(&graph->pass->hold, path.s, err);
}

static int tidy_index(struct graph *graph, const struct tag *tag, struct err *err)
{
    struct layout_path tag_dir;

    layout_tag(&tag_dir, graph->name, tag);
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_BUF dir = BUF_INIT;
        AUTO_STRINGS hex = {0};
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        buf_addf(&dir, "%s/index/%s", tag_dir.s, digest_algorithm_name(algorithm));
        if (dir_list(fs_of(graph), dir.s, &hex, err) < 0)
            return -1;
        for (size_t k = 0; k < hex.n; k++) {
            struct digest digest;
            if (digest_from_hex(&digest, algorithm, hex.v[k], NULL) == 0 &&
                tidy_index_entry(graph, tag, &digest, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* A tag that was never finished: a directory without current/link, which Distribution lists. */
static int tidy_unfinished(struct graph *graph, const struct tag *tag, struct err *err)
{
    struct pass *pass = graph->pass;
    struct gc_item item = {GC_TAG, graph->name, tag->s, -1, 0};
    struct layout_path path;
    struct stat st;

    if (!pass->options->dry_run && hold_take(&pass->hold, err) < 0)
        return -1;
    int found = store_has_link(pass->store, layout_tag_current(&path, graph->name, tag), err);
    if (found)
        return found < 0 ? -1 : 0;
    found = fs_stat(fs_of(graph), layout_tag(&path, graph->name, tag), &st, err);
    if (found <= 0 || !S_ISDIR(st.st_mode) || !pass_is_old(pass, &st, pass->options->grace))
        return found < 0 ? -1 : 0;
    AUTO_DIRTY unneeded = {0}; /* it points at nothing */
    if (!pass->options->dry_run && hold_remove_tree(&pass->hold, path.s, &unneeded, err) < 0)
        return -1;
    item.age = pass_age(pass, fs_mtime(&st));
    pass->totals->tags_removed++;
    pass_removes(pass, &item);
    return 0;
}

static int tidy_tags(struct graph *graph, struct err *err)
{
    if (!graph->unfinished && !graph->gone)
        return 0;
    for (size_t i = 0; i < graph->tags.n; i++) {
        struct tag tag;
        bool is_set = graph->tag[i].node != 0;
        if (tag_parse(&tag, graph->tags.v[i], strlen(graph->tags.v[i]), NULL) < 0)
            continue;
        if (!is_set && tidy_unfinished(graph, &tag, err) < 0)
            return -1;
        if (is_set && graph->gone && !graph->pass->options->dry_run &&
            tidy_index(graph, &tag, err) < 0)
            return -1;
    }
    return 0;
}

/* Entries among the referrers whose manifest is not there, and the directories of none. */
static int tidy_entries(struct graph *graph, const char *dir, enum digest_algorithm algorithm,
                        struct err *err)
{
    struct pass *pass = graph->pass;
    AUTO_STRINGS hex = {0};
    AUTO_DIRTY dirty = {0};

    hold_pause(&pass->hold);
    if (dir_list(fs_of(graph), dir, &hex, err) < 0)
        return -1;
    for (size_t i = 0; i < hex.n; i++) {
        AUTO_BUF path = BUF_INIT;
        struct digest digest;
        struct stat st;
        if (digest_from_hex(&digest, algorithm, hex.v[i], NULL) < 0 || stays(graph, &digest))
            continue;
        buf_addf(&path, "%s/%s", dir, hex.v[i]);
        int found = fs_stat(fs_of(graph), path.s, &st, err);
        if (found > 0 && !pass_is_old(pass, &st, pass->options->grace))
            continue;
        AUTO_DIRTY gone = {0};
        if (found < 0 || repo_settle_revision(pass->store, graph->name, &digest, &gone, err) < 0 ||
            hold_sync(&pass->hold, &gone, err) < 0 || hold_take(&pass->hold, err) < 0)
            return -1;
        found = repo_has_revision(pass->store, graph->name, &digest, err);
        if (found < 0 || (found == 0 && fs_unlink(fs_of(graph), path.s, &dirty, err) < 0))
            return -1;
    }
    if (hold_take(&pass->hold, err) < 0)
        return -1;
    return dir_remove(fs_of(graph), dir, &dirty, err) < 0 ? -1 : 0;
}

static int tidy_subject(struct graph *graph, const char *subject_dir, struct err *err)
{
    AUTO_DIRTY dirty = {0};

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_BUF dir = BUF_INIT;
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        buf_addf(&dir, "%s/%s", subject_dir, digest_algorithm_name(algorithm));
        if (tidy_entries(graph, dir.s, algorithm, err) < 0)
            return -1;
    }
    return dir_remove(fs_of(graph), subject_dir, &dirty, err) < 0 ? -1 : 0;
}

static int tidy_referrers(struct graph *graph, struct err *err)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_STRINGS subjects = {0};
        AUTO_BUF dir = BUF_INIT;
        struct layout_path index;
        buf_addf(&dir, "%s/%s", layout_referrers_index(&index, graph->name),
                 digest_algorithm_name((enum digest_algorithm)i));
        if (dir_list(fs_of(graph), dir.s, &subjects, err) < 0)
            return -1;
        for (size_t k = 0; k < subjects.n; k++) {
            AUTO_BUF subject = BUF_INIT;
            buf_addf(&subject, "%s/%s", dir.s, subjects.v[k]);
            if (tidy_subject(graph, subject.s, err) < 0)
                return -1;
        }
    }
    return 0;
}

#define DEPTH_MAX 8 /* of what a repository's directories hold */

/* 1: there is something other than directories. */
static int has_files(const struct graph *graph, const char *path, int depth, struct err *err)
{
    AUTO_STRINGS names = {0};
    struct stat st;

    int found = fs_stat(fs_of(graph), path, &st, err);
    if (found <= 0)
        return found;
    if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
        return 1;
    if (dir_list(fs_of(graph), path, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF child = BUF_INIT;
        buf_addf(&child, "%s/%s", path, names.v[i]);
        found = has_files(graph, child.s, depth + 1, err);
        if (found)
            return found;
    }
    return 0;
}

/* All that a repository has. */
static const char *part_of(struct layout_path *path, const struct name *name, int i)
{
    switch (i) {
    case 0:
        return layout_manifests(path, name);
    case 1:
        return layout_referrers_index(path, name);
    case 2:
        return layout_uploads(path, name);
    default:
        return layout_layers(path, name);
    }
}
#define N_PARTS 4

/* There are no files in it, but those that others took out of it may come back. */
static int remove_parts(struct graph *graph, struct err *err)
{
    struct pass *pass = graph->pass;
    struct layout_path path;

    if (repo_remove_content(pass->store, graph->name, &pass->hold.doomed, err) < 0)
        return -1;
    return dir_remove_tree(fs_of(graph), layout_uploads(&path, graph->name), err) < 0 ? -1 : 0;
}

/* Everyone who makes something in a repository holds lock_gc, so it stays empty meanwhile. */
static int remove_if_empty(struct graph *graph, struct err *err)
{
    struct pass *pass = graph->pass;
    struct gc_item item = {GC_REPOSITORY, graph->name, "", -1, 0};
    struct layout_path path;

    if (!pass->options->dry_run) {
        if (hold_take(&pass->hold, err) < 0)
            return -1;
        for (int i = 0; i < N_PARTS; i++) {
            int found = has_files(graph, part_of(&path, graph->name, i), 0, err);
            if (found)
                return found < 0 ? -1 : 0;
        }
        if (remove_parts(graph, err) < 0 || repo_remove_empty(pass->store, graph->name, err) < 0)
            return -1;
    }
    pass->totals->repositories.removed++;
    pass_removes(pass, &item);
    pass_went(pass, EVENT_REPOSITORY_DELETED, graph->name, NULL, NULL);
    return 1;
}

/* Whoever makes a link holds lock_gc from the directory to the link, so one without is left over.
 */
static int tidy_empty(struct graph *graph, struct err *err)
{
    AUTO_DIRTY dirty = {0};

    for (size_t i = 0; i < graph->empty.n; i++)
        if (hold_take(&graph->pass->hold, err) < 0 ||
            dir_remove(fs_of(graph), graph->empty.v[i], &dirty, err) < 0)
            return -1;
    return 0;
}

int tidy_repository(struct graph *graph, struct err *err)
{
    struct pass *pass = graph->pass;
    size_t sessions;

    hold_pause(&pass->hold);
    if (uploads_sweep(pass, graph->name, &sessions, err) < 0 ||
        (!pass->options->dry_run && tidy_empty(graph, err) < 0) ||
        (!graph->damaged && tidy_tags(graph, err) < 0) ||
        (!graph->damaged && !pass->options->dry_run && tidy_referrers(graph, err) < 0))
        return -1;
    int removed = 0;
    if (!graph->damaged && !graph->kept && !sessions)
        removed = remove_if_empty(graph, err);
    if (removed == 0)
        pass->totals->repositories.kept++;
    return removed < 0 ? -1 : 0;
}
