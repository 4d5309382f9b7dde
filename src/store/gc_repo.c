/* SPDX-License-Identifier: Apache-2.0
 * L2: the collector in one repository: marks what it needs, sweeps its dead tags, manifests and
 * layer links, and the repository itself once it is empty. */
#include "store/gc_pass.h"

#include "base/mem.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest_key));
}

/* Marks the living manifests and what they name, and leaves in graph->blobs just that, sorted. Of a
 * damaged repository everything lives. */
static void mark_manifests(struct gc_graph *graph)
{
    uint32_t kept = 0;

    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        const struct gc_node *node = &graph->nodes[at];
        struct digest digest;
        if (!node->live && !graph->damaged)
            continue;
        gc_node_digest(node, &digest);
        digest_map_put(&graph->pass->marked, &digest);
        for (uint32_t i = 0; i < node->n_blobs; i++)
            graph->blobs[kept++] = graph->blobs[node->blobs + i];
    }
    graph->n_blobs = kept;
    for (uint32_t i = 0; i < kept; i++)
        digest_map_put_key(&graph->pass->marked, &graph->blobs[i]);
    if (kept)
        qsort(graph->blobs, kept, sizeof *graph->blobs, compare_keys);
}

struct layers {
    struct gc_graph *graph;
    enum digest_algorithm algorithm;
    struct fs_names dead; /* hex */
    int64_t kept;
    int result;
    struct err *err;
};

static bool is_needed(const struct gc_graph *graph, const struct digest *digest)
{
    struct digest_key key;
    const uint32_t *node = digest_map_get(&graph->index, digest);

    if (graph->damaged || (node && graph->nodes[*node - 1].live))
        return true;
    digest_key_of(&key, digest);
    return graph->n_blobs && bsearch(&key, graph->blobs, graph->n_blobs, sizeof key, compare_keys);
}

/* Distribution keeps content that came as sha512 as a sha256 blob, which only the link tells. */
static int mark_alias(struct gc_graph *graph, const char *path, struct err *err)
{
    AUTO_BUF link = BUF_INIT;
    struct digest digest;
    struct err invalid;

    int found = fs_read(&graph->pass->store->fs, path, sizeof digest.s, &link, err);
    if (found > 0 && digest_parse(&digest, link.s, link.len, &invalid) == 0)
        digest_map_put(&graph->pass->marked, &digest);
    return found;
}

static int look_at_layer(struct layers *layers, const char *hex)
{
    struct gc_graph *graph = layers->graph;
    struct gc_pass *pass = graph->pass;
    struct layout_path path;
    struct digest digest;
    struct stat st;
    struct err invalid;

    if (digest_from_hex(&digest, layers->algorithm, hex, &invalid) < 0)
        return 0;
    layout_layer(&path, graph->name, &digest);
    if (!is_needed(graph, &digest)) {
        int found = fs_stat(&pass->store->fs, path.s, &st, layers->err);
        if (found <= 0)
            return found;
        if (gc_is_old(pass, &st, pass->options->grace)) {
            fs_names_add(&layers->dead, hex);
            return 0;
        }
    }
    layers->kept++;
    digest_map_put(&pass->marked, &digest);
    return layers->algorithm == DIGEST_SHA256 ? 0 : mark_alias(graph, path.s, layers->err);
}

static bool visit_layer(void *context, const char *hex)
{
    struct layers *layers = context;

    if (look_at_layer(layers, hex) < 0)
        layers->result = -1;
    return layers->result < 0;
}

static int sweep_layer(struct gc_graph *graph, const struct digest *digest, struct err *err)
{
    struct gc_pass *pass = graph->pass;
    struct layout_path path;
    struct stat st;
    struct gc_item item = {GC_LAYER_LINK, graph->name, digest->s, -1, 0};

    layout_layer(&path, graph->name, digest);
    if (!pass->options->dry_run && gc_hold(pass, err) < 0)
        return -1;
    int found = fs_stat(&pass->store->fs, path.s, &st, err);
    if (found <= 0)
        return found;
    if (!gc_is_old(pass, &st, pass->options->grace)) { /* somebody has linked it again */
        digest_map_put(&pass->marked, digest);
        graph->kept++;
        return 0;
    }
    if (!pass->options->dry_run && gc_unlink(pass, path.s, err) < 0)
        return -1;
    item.age = gc_age(pass, gc_mtime(&st));
    pass->totals->layer_links.removed++;
    gc_removes(pass, &item);
    return 0;
}

static int sweep_layers(struct gc_graph *graph, struct err *err)
{
    struct layers layers = {.graph = graph, .err = err};
    struct layout_path dir;

    gc_let_go(graph->pass);
    for (int i = 0; i < DIGEST_ALGORITHMS && layers.result == 0; i++) {
        layers.algorithm = (enum digest_algorithm)i;
        layout_layers_of(&dir, graph->name, layers.algorithm);
        if (fs_each(&graph->pass->store->fs, dir.s, visit_layer, &layers, err) < 0)
            layers.result = -1;
        for (size_t k = 0; k < layers.dead.n && layers.result == 0; k++) {
            struct digest digest;
            layers.result = digest_from_hex(&digest, layers.algorithm, layers.dead.v[k], err);
            if (layers.result == 0)
                layers.result = sweep_layer(graph, &digest, err);
        }
        fs_names_free(&layers.dead);
    }
    graph->kept += layers.kept;
    graph->pass->totals->layer_links.kept += layers.kept;
    return layers.result;
}

/* The tag still stands for the referrers of a manifest that still is old. */
static int tag_may_go(const struct gc_graph *graph, size_t i, const struct tag *tag,
                      struct err *err)
{
    struct gc_pass *pass = graph->pass;
    struct layout_path path;
    struct digest digest, subject;
    struct stat st;

    int found = fs_stat(&pass->store->fs, layout_tag_current(&path, graph->name, tag), &st, err);
    if (found <= 0 || !gc_is_old(pass, &st, pass->options->grace))
        return found < 0 ? -1 : 0;
    found = tag_get(pass->store, graph->name, tag, &digest, err);
    if (found <= 0)
        return found;
    const uint32_t *node = digest_map_get(&graph->index, &digest);
    if (!node || *node != graph->tag[i].node)
        return 0;
    const struct gc_node *subject_node = &graph->nodes[graph->tag[i].attached - 1];
    gc_node_digest(subject_node, &subject);
    found = fs_stat(&pass->store->fs, layout_revision(&path, graph->name, &subject), &st, err);
    return found > 0 ? gc_mtime(&st) == subject_node->mtime : found;
}

static int sweep_tag(struct gc_graph *graph, size_t i, struct err *err)
{
    struct gc_pass *pass = graph->pass;
    struct gc_item item = {GC_TAG, graph->name, graph->tags.v[i], -1, 0};
    struct layout_path path;
    struct tag tag;

    if (!graph->tag[i].attached || graph->nodes[graph->tag[i].attached - 1].live)
        return 0;
    if (tag_parse(&tag, graph->tags.v[i], strlen(graph->tags.v[i]), err) < 0 ||
        (!pass->options->dry_run && gc_hold(pass, err) < 0))
        return -1;
    int may_go = tag_may_go(graph, i, &tag, err);
    if (may_go <= 0)
        return may_go;
    if (!pass->options->dry_run &&
        gc_remove_tree(pass, layout_tag(&path, graph->name, &tag), err) < 0)
        return -1;
    item.age = gc_age(pass, graph->nodes[graph->tag[i].attached - 1].mtime);
    pass->totals->tags_removed++;
    gc_removes(pass, &item);
    return 0;
}

/* Its link goes, then its entry among the referrers of its subject. What is named again in the
 * meantime is young, and so is all that it needs. */
static int sweep_manifest(struct gc_graph *graph, const struct gc_node *node, struct err *err)
{
    struct gc_pass *pass = graph->pass;
    struct layout_path path;
    struct digest digest;
    struct stat st;

    gc_node_digest(node, &digest);
    struct gc_item item = {GC_MANIFEST, graph->name, digest.s, -1, gc_age(pass, node->mtime)};
    layout_revision(&path, graph->name, &digest);
    if (!pass->options->dry_run) {
        if (gc_hold(pass, err) < 0)
            return -1;
        int found = fs_stat(&pass->store->fs, path.s, &st, err);
        if (found <= 0)
            return found;
        if (gc_mtime(&st) != node->mtime) {
            graph->kept++;
            pass->totals->manifests.kept++;
            return 0;
        }
        if (gc_unlink(pass, path.s, err) < 0)
            return -1;
        if (node->subject) {
            AUTO_DIRTY dirty = {0};
            struct digest subject;
            gc_node_digest(&graph->nodes[node->subject - 1], &subject);
            if (referrer_remove(pass->store, graph->name, &subject, &digest, &dirty, err) < 0)
                return -1;
        }
    }
    graph->gone++;
    pass->totals->manifests.removed++;
    gc_removes(pass, &item);
    return 0;
}

static int sweep_manifests(struct gc_graph *graph, struct err *err)
{
    uint32_t n;
    uint32_t *dead = gc_graph_dead(graph, &n);
    int result = 0;

    for (uint32_t i = 0; i < n && result == 0; i++)
        result = sweep_manifest(graph, &graph->nodes[dead[i] - 1], err);
    free(dead);
    return result;
}

static void count_kept(struct gc_graph *graph)
{
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (graph->nodes[at].has_revision && (graph->nodes[at].live || graph->damaged))
            graph->kept++;
    graph->pass->totals->manifests.kept += graph->kept;
}

static int sweep_graph(struct gc_graph *graph, struct err *err)
{
    mark_manifests(graph);
    count_kept(graph);
    for (size_t i = 0; i < graph->tags.n && !graph->damaged; i++)
        if (sweep_tag(graph, i, err) < 0)
            return -1;
    if (!graph->damaged && sweep_manifests(graph, err) < 0)
        return -1;
    return sweep_layers(graph, err) < 0 ? -1 : gc_tidy(graph, err);
}

int gc_repo(struct gc_pass *pass, const struct name *name, struct err *err)
{
    struct gc_graph graph;

    int result = gc_graph_read(&graph, pass, name, err);
    if (result == 0)
        result = sweep_graph(&graph, err);
    gc_graph_free(&graph);
    struct err failure;
    if (gc_release(pass, result < 0 ? &failure : err) < 0)
        return -1;
    return result;
}
