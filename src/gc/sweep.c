/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector in one repository: marks what it needs, sweeps its dead tags, manifests and
 * layer links, and the repository itself once it is empty. */
#include "gc/sweep.h"

#include "base/dir.h"
#include "base/fs_settle.h"
#include "gc/settle.h"
#include "gc/tidy.h"
#include "store/layout.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Marks the living manifests and what they name. */
static void mark_needed(struct graph *graph)
{
    struct pass *pass = graph->pass;

    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        struct digest digest;
        if (!graph->nodes[at].live)
            continue;
        digest_key_unpack(&graph->nodes[at].digest, &digest);
        digest_map_put(graph->nodes[at].waits ? &pass->waiting : &pass->marked, &digest);
    }
    digest_map_add(&pass->marked, &graph->needed);
    digest_map_add(&pass->waiting, &graph->waiting);
}

struct layers {
    struct graph *graph;
    int dir;
    enum digest_algorithm algorithm;
    struct strings dead; /* hex */
    int64_t kept;
    int result;
    struct err *err;
};

/* Who needs a layer. */
enum need { NEED_NONE, NEED_WAITS, NEED_STAYS };

static enum need need_of(const struct graph *graph, const struct digest *digest)
{
    const struct graph_node *node = graph_find(graph, digest);

    if (graph->damaged || (node && node->live && !node->waits) ||
        digest_map_get(&graph->needed, digest))
        return NEED_STAYS;
    return (node && node->live) || digest_map_get(&graph->waiting, digest) ? NEED_WAITS : NEED_NONE;
}

/* Distribution keeps content that came as sha512 as a sha256 blob, which only the link tells. */
static int mark_alias(const struct graph *graph, const char *path, struct digest_map *marks,
                      struct err *err)
{
    AUTO_BUF link = BUF_INIT;
    struct digest digest;

    int found = fs_read(&graph->pass->store->fs, path, sizeof digest.s, &link, err);
    if (found > 0 && digest_parse(&digest, link.s, link.len, NULL) == 0)
        digest_map_put(marks, &digest);
    return found;
}

static int look_at_layer(struct layers *layers, const char *hex)
{
    struct graph *graph = layers->graph;
    struct pass *pass = graph->pass;
    struct layout_path path;
    struct digest digest;
    struct stat st;

    if (digest_from_hex(&digest, layers->algorithm, hex, NULL) < 0)
        return 0;
    enum need need = need_of(graph, &digest);
    if (need == NEED_NONE) {
        char link[DIGEST_HEX_MAX + sizeof "/" LAYOUT_LINK];
        snprintf(link, sizeof link, "%s/" LAYOUT_LINK, hex);
        int found = dir_peek(layers->dir, link, &st, layers->err);
        if (found == 0) {
            layout_layer(&path, graph->name, &digest);
            *strrchr(path.s, '/') = '\0';
            strings_add(&graph->empty, path.s);
        }
        if (found <= 0)
            return found;
        if (pass_is_old(pass, &st, pass->options->grace)) {
            strings_add(&layers->dead, hex);
            return 0;
        }
        pass_waits(pass, fs_mtime(&st), pass->options->grace);
    }
    struct digest_map *marks = need == NEED_STAYS ? &pass->marked : &pass->waiting;
    layers->kept++;
    digest_map_put(marks, &digest);
    return layers->algorithm == DIGEST_SHA256
               ? 0
               : mark_alias(graph, layout_layer(&path, graph->name, &digest), marks, layers->err);
}

static bool visit_layer(void *context, const char *hex)
{
    struct layers *layers = context;

    if (look_at_layer(layers, hex) < 0)
        layers->result = -1;
    return layers->result < 0;
}

static int sweep_layer(struct graph *graph, const struct fs_root *dir, const struct digest *digest,
                       struct err *err)
{
    struct pass *pass = graph->pass;
    struct hold_doomed link = {.before = pass_before(pass, pass->options->grace)};
    struct gc_item item = {GC_LAYER_LINK, graph->name, digest->s, -1, 0};

    int gone = hold_remove_lone(&pass->hold, dir, digest_hex(digest), LAYOUT_LINK, &link, err);
    if (gone == 0 && link.is_there) { /* somebody has linked it again */
        digest_map_put(&pass->marked, digest);
        graph->kept++;
    }
    if (gone <= 0)
        return gone;
    item.age = pass_age(pass, fs_mtime(&link.st));
    pass->totals->layer_links.removed++;
    pass_removes(pass, &item);
    pass_went(pass, EVENT_BLOB_DELETED, graph->name, NULL, digest);
    return 0;
}

/* Whatever is to go next, the manifests that went are off the disk, whoever removed them. */
static int sync_revisions(struct graph *graph, struct err *err)
{
    const struct fs_root *fs = &graph->pass->store->fs;
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    if (graph->pass->options->dry_run)
        return 0;
    for (size_t i = 0; i < graph->empty.n; i++)
        if (fs_settle_entries(fs, graph->empty.v[i], &dirty, err) < 0)
            return -1;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        layout_revisions(&path, graph->name, (enum digest_algorithm)i);
        if (fs_settle_entries(fs, path.s, &dirty, err) < 0)
            return -1;
    }
    return hold_sync(&graph->pass->hold, &dirty, err);
}

static int sweep_layers_of(struct layers *layers, struct err *err)
{
    struct graph *graph = layers->graph;
    struct layout_path path;
    struct fs_root dir;

    layout_layers_of(&path, graph->name, layers->algorithm);
    int result = hold_open_dir(&graph->pass->hold, path.s, &dir, err);
    if (result <= 0)
        return result;
    layers->dir = dir.fd;
    result = dir_each(&dir, ".", visit_layer, layers, err) < 0 || layers->result < 0 ? -1 : 0;
    if (result == 0 && layers->dead.n)
        result = sync_revisions(graph, err);
    for (size_t k = 0; k < layers->dead.n && result == 0; k++) {
        struct digest digest;
        result = digest_from_hex(&digest, layers->algorithm, layers->dead.v[k], err);
        if (result == 0)
            result = sweep_layer(graph, &dir, &digest, err);
    }
    fs_root_close(&dir);
    strings_free(&layers->dead);
    return result;
}

static int sweep_layers(struct graph *graph, struct err *err)
{
    struct layers layers = {.graph = graph, .err = err};

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        hold_pause(&graph->pass->hold);
        layers.algorithm = (enum digest_algorithm)i;
        if (sweep_layers_of(&layers, err) < 0)
            return -1;
    }
    graph->kept += layers.kept;
    graph->pass->totals->layer_links.kept += layers.kept;
    return 0;
}

/* The tag still stands for the referrers of a manifest that still is old. */
static int tag_may_go(const struct graph *graph, size_t i, const struct tag *tag, struct err *err)
{
    struct pass *pass = graph->pass;
    struct layout_path path;
    struct digest digest, subject;
    struct stat st;

    int found = fs_stat(&pass->store->fs, layout_tag_current(&path, graph->name, tag), &st, err);
    if (found <= 0 || !pass_is_old(pass, &st, pass->options->grace))
        return found < 0 ? -1 : 0;
    found = tag_get(pass->store, graph->name, tag, &digest, err);
    if (found <= 0)
        return found;
    if (graph_find(graph, &digest) != &graph->nodes[graph->tag[i].node - 1])
        return 0;
    const struct graph_node *subject_node = &graph->nodes[graph->tag[i].attached - 1];
    digest_key_unpack(&subject_node->digest, &subject);
    found = fs_stat(&pass->store->fs, layout_revision(&path, graph->name, &subject), &st, err);
    return found > 0 ? fs_mtime(&st) == subject_node->mtime : found;
}

static int sweep_tag(struct graph *graph, size_t i, struct dirty *dirty, struct err *err)
{
    struct pass *pass = graph->pass;
    struct gc_item item = {GC_TAG, graph->name, graph->tags.v[i], -1, 0};
    struct layout_path path;
    struct digest digest;
    struct tag tag;

    if (!graph->tag[i].attached || graph->nodes[graph->tag[i].attached - 1].live)
        return 0;
    if (tag_parse(&tag, graph->tags.v[i], strlen(graph->tags.v[i]), err) < 0 ||
        (!pass->options->dry_run && hold_take(&pass->hold, err) < 0))
        return -1;
    int may_go = tag_may_go(graph, i, &tag, err);
    if (may_go <= 0)
        return may_go;
    if (!pass->options->dry_run &&
        hold_remove_tree(&pass->hold, layout_tag(&path, graph->name, &tag), dirty, err) < 0)
        return -1;
    item.age = pass_age(pass, graph->nodes[graph->tag[i].attached - 1].mtime);
    pass->totals->tags_removed++;
    pass_removes(pass, &item);
    digest_key_unpack(&graph->nodes[graph->tag[i].node - 1].digest, &digest);
    pass_went(pass, EVENT_TAG_DELETED, graph->name, tag.s, &digest);
    return 0;
}

static int leave_referrers(struct graph *graph, const struct graph_node *node, struct err *err)
{
    AUTO_DIRTY dirty = {0};
    struct digest subject, digest;

    if (!node->subject)
        return 0;
    digest_key_unpack(&node->digest, &digest);
    digest_key_unpack(&graph->nodes[node->subject - 1].digest, &subject);
    return referrer_remove(graph->pass->store, graph->name, &subject, &digest, &dirty, err);
}

/* What is named again in the meantime is young, and so is all that it needs. 1: it is gone. */
static int sweep_manifest(struct graph *graph, const struct fs_root *dir,
                          const struct graph_node *node, struct err *err)
{
    struct pass *pass = graph->pass;
    struct hold_doomed link = {.mtime = node->mtime};
    struct digest digest;

    digest_key_unpack(&node->digest, &digest);
    struct gc_item item = {GC_MANIFEST, graph->name, digest.s, -1, pass_age(pass, node->mtime)};
    int gone = hold_remove_lone(&pass->hold, dir, digest_hex(&digest), LAYOUT_LINK, &link, err);
    if (gone == 0 && link.is_there) {
        graph->kept++;
        pass->totals->manifests.kept++;
    }
    if (gone <= 0)
        return gone;
    graph->gone++;
    pass->totals->manifests.removed++;
    pass_removes(pass, &item);
    pass_went(pass, EVENT_MANIFEST_DELETED, graph->name, NULL, &digest);
    return 1;
}

/* Those that others named go when these are off the disk, and their entries among the referrers at
 * last. */
static int sweep_levels(struct graph *graph, const struct fs_root *dirs, uint32_t *dead, uint32_t n,
                        struct err *err)
{
    uint32_t level = 0, gone = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct graph_node *node = &graph->nodes[dead[i] - 1];
        if (node->level > level && sync_revisions(graph, err) < 0)
            return -1;
        level = node->level;
        const struct fs_root *dir = &dirs[node->digest.algorithm];
        int went = dir->fd < 0 ? 0 : sweep_manifest(graph, dir, node, err);
        if (went < 0)
            return -1;
        if (went)
            dead[gone++] = dead[i];
    }
    if (gone && sync_revisions(graph, err) < 0)
        return -1;
    for (uint32_t i = 0; i < gone && !graph->pass->options->dry_run; i++)
        if (leave_referrers(graph, &graph->nodes[dead[i] - 1], err) < 0)
            return -1;
    return 0;
}

static int sweep_manifests(struct graph *graph, uint32_t *dead, uint32_t n, struct err *err)
{
    struct fs_root dirs[DIGEST_ALGORITHMS];
    int result = 0;

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        struct layout_path path;
        layout_revisions(&path, graph->name, (enum digest_algorithm)i);
        dirs[i].fd = -1;
        if (result == 0 && hold_open_dir(&graph->pass->hold, path.s, &dirs[i], err) < 0)
            result = -1;
    }
    if (result == 0)
        result = sweep_levels(graph, dirs, dead, n, err);
    for (int i = 0; i < DIGEST_ALGORITHMS; i++)
        fs_root_close(&dirs[i]);
    return result;
}

static int sweep_dead(struct graph *graph, struct err *err)
{
    uint32_t n;
    uint32_t *dead = settle_dead(graph, &n);
    int result = 0;

    if (graph->damaged) /* what was read before cannot be read any more */
        result = err_set(err, ERR_IO, "%s", graph->problems.v[graph->problems.n - 1]);
    else if (n)
        result = sweep_manifests(graph, dead, n, err);
    free(dead);
    return result;
}

/* Dead tags go, and are off the disk before manifests go; so are those that others removed or
 * moved. */
static int sweep_tags(struct graph *graph, struct err *err)
{
    struct pass *pass = graph->pass;
    AUTO_DIRTY dirty = {0};
    bool any_dead = false;

    for (size_t i = 0; i < graph->tags.n; i++)
        if (sweep_tag(graph, i, &dirty, err) < 0)
            return -1;
    for (uint32_t at = 0; at < graph->n_nodes && !any_dead; at++)
        any_dead = graph->nodes[at].has_revision && !graph->nodes[at].live;
    if (!any_dead || pass->options->dry_run)
        return 0;
    if (tag_settle_all(pass->store, graph->name, &dirty, err) < 0 ||
        hold_sync(&pass->hold, &dirty, err) < 0)
        return -1;
    return sync_revisions(graph, err);
}

static void count_kept(struct graph *graph)
{
    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        const struct graph_node *node = &graph->nodes[at];
        if (!node->has_revision || !node->live)
            continue;
        graph->kept++;
        if (!node->waits)
            continue;
        graph->pass->totals->waiting.manifests++;
        if (!node->old)
            pass_waits(graph->pass, node->mtime, graph->grace);
    }
    graph->pass->totals->manifests.kept += graph->kept;
    graph->pass->totals->tags_seen += (int64_t)graph->tags.n;
}

static int sweep_graph(struct graph *graph, struct err *err)
{
    mark_needed(graph);
    count_kept(graph);
    if (!graph->damaged && (sweep_tags(graph, err) < 0 || sweep_dead(graph, err) < 0))
        return -1;
    return sweep_layers(graph, err) < 0 ? -1 : tidy_repository(graph, err);
}

int sweep_repository(struct graph *graph, struct err *err)
{
    for (size_t i = 0; i < graph->problems.n; i++)
        pass_problem(graph->pass, graph->name, graph->problems.v[i]);
    int result = sweep_graph(graph, err);
    return hold_end(&graph->pass->hold, result < 0 ? NULL : err) < 0 ? -1 : result;
}
