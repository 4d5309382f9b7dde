/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector reads a repository. */
#include "gc/scan.h"

#include "base/array.h"
#include "base/dir.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/tag.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const struct scan_limits SCAN_SMALL = {(size_t)128 << 10, (size_t)1 << 20};
const struct scan_limits SCAN_LARGE = {SIZE_MAX, JSON_BYTES_MAX};

/* A name without current/link is one that was never finished, or no tag's at all. */
static void read_tag(struct graph *graph, const struct fs_root *tags, size_t i)
{
    struct tag tag;
    struct digest digest;
    struct err err;

    if (tag_parse(&tag, graph->tags.v[i], strlen(graph->tags.v[i]), &err) < 0)
        return;
    int found = tag_get_in(tags, &tag, &digest, &err);
    if (found < 0)
        graph_damage(graph, tag.s, &err);
    if (found > 0)
        graph->tag[i].node = graph_add(graph, &digest);
    graph->unfinished = graph->unfinished || found == 0;
}

static int read_tags(struct graph *graph, struct err *err)
{
    const struct fs_root *fs = &graph->pass->store->fs;
    struct layout_path path;
    AUTO_FD dir = -1;
    struct fs_root tags = *fs;

    layout_tags(&path, graph->name);
    int found = fs_open(fs, path.s, O_RDONLY | O_DIRECTORY, &dir, err);
    if (found <= 0)
        return found;
    tags.fd = dir;
    if (dir_list(&tags, ".", &graph->tags, err) < 0)
        return -1;
    graph->tag = mem_alloc((graph->tags.n + 1) * sizeof *graph->tag);
    for (size_t i = 0; i < graph->tags.n; i++)
        read_tag(graph, &tags, i);
    return 0;
}

struct revisions {
    struct graph *graph;
    int dir;
    enum digest_algorithm algorithm;
    int64_t grace;
    int result;
    struct err *err;
};

/* Distribution leaves a revision's directory behind when it deletes the link, and so does who is
 * killed between the two. */
static bool visit_revision(void *context, const char *hex)
{
    struct revisions *revisions = context;
    struct graph *graph = revisions->graph;
    char link[DIGEST_HEX_MAX + sizeof "/" LAYOUT_LINK];
    struct digest digest;
    struct stat st;

    if (digest_from_hex(&digest, revisions->algorithm, hex, NULL) < 0)
        return false;
    snprintf(link, sizeof link, "%s/" LAYOUT_LINK, hex);
    int found = dir_peek(revisions->dir, link, &st, revisions->err); /* looked at again to sweep */
    if (found < 0)
        revisions->result = -1;
    if (found == 0) {
        struct layout_path path;
        layout_revision(&path, graph->name, &digest);
        *strrchr(path.s, '/') = '\0';
        strings_add(&graph->empty, path.s);
    }
    if (found <= 0)
        return found < 0;
    uint32_t number = graph_add(graph, &digest); /* may move the nodes */
    struct graph_node *node = &graph->nodes[number - 1];
    node->has_revision = true;
    node->mtime = fs_mtime(&st);
    node->old = pass_is_old(graph->pass, &st, revisions->grace);
    return false;
}

static int read_revisions(struct graph *graph, struct err *err)
{
    const struct gc_options *options = graph->pass->options;
    struct revisions revisions = {.graph = graph, .grace = options->grace, .err = err};
    struct layout_path path;

    if (options->untagged)
        revisions.grace = options->untagged(options->context, graph->name, options->grace);
    graph->grace = revisions.grace;
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_FD dir = -1;
        struct fs_root root = graph->pass->store->fs;
        revisions.algorithm = (enum digest_algorithm)i;
        layout_revisions(&path, graph->name, revisions.algorithm);
        int found = fs_open(&root, path.s, O_RDONLY | O_DIRECTORY, &dir, err);
        root.fd = revisions.dir = dir;
        if (found > 0)
            found = dir_each(&root, ".", visit_revision, &revisions, err);
        if (found < 0 || revisions.result < 0)
            return -1;
    }
    return 0;
}

static void keep_reference(struct graph *graph, uint32_t at, const struct descriptor *reference)
{
    if (reference->role == DESCRIPTOR_CHILD) {
        uint32_t child = graph_add(graph, &reference->digest); /* may move the nodes */
        *ARRAY_ADD(graph->children, graph->n_children) = child;
        graph->nodes[at].n_children++;
    } else {
        digest_key_of(ARRAY_ADD(graph->blobs, graph->n_blobs), &reference->digest);
        graph->nodes[at].n_blobs++;
    }
}

/* A child is a node, whether it is kept that this one names it or not. */
static void keep_references(struct graph *graph, uint32_t at, const struct manifest *manifest)
{
    bool fits = graph->n_children + graph->n_blobs + manifest->n_references <= GRAPH_EDGES_MAX;

    graph->nodes[at].unkept = !fits;
    graph->nodes[at].children = graph->n_children;
    graph->nodes[at].blobs = graph->n_blobs;
    for (size_t i = 0; i < manifest->n_references; i++)
        if (fits)
            keep_reference(graph, at, &manifest->references[i]);
        else if (manifest->references[i].role == DESCRIPTOR_CHILD)
            graph_add(graph, &manifest->references[i].digest);
    if (manifest->has_subject) {
        uint32_t subject = graph_add(graph, &manifest->subject);
        graph->nodes[at].subject = subject;
    }
}

/* 1 with *manifest, 0: there is none, -1. ERR_MANIFEST_TOO_LARGE: it is beyond the limits, or those
 * of any manifest. */
static int read_manifest(const struct graph *graph, uint32_t at, const struct scan_limits *limits,
                         struct manifest *manifest, struct err *err)
{
    const struct store *store = graph->pass->store;
    int64_t text_max = store->manifest_limit;
    struct digest digest;

    if (limits->text < (uint64_t)text_max)
        text_max = (int64_t)limits->text;
    digest_key_unpack(&graph->nodes[at].digest, &digest);
    return blob_parse_manifest(store, &digest, text_max, limits->json, manifest, NULL, err);
}

/* Whether it failed for these limits, but may be read with larger ones. */
static bool is_beyond(const struct scan_limits *limits, const struct err *failure)
{
    return failure->code == ERR_MANIFEST_TOO_LARGE && limits->json < SCAN_LARGE.json;
}

static void damaged_node(struct graph *graph, uint32_t at, const struct err *failure)
{
    struct digest digest;

    digest_key_unpack(&graph->nodes[at].digest, &digest);
    graph_damage(graph, digest.s, failure);
}

/* What a revision's link or a tag names must be a manifest. 0: it is beyond the limits. */
static int read_named(struct graph *graph, uint32_t at, const struct scan_limits *limits)
{
    AUTO_MANIFEST manifest = {0};
    struct err failure = {0};

    int found = read_manifest(graph, at, limits, &manifest, &failure);
    if (found < 0 && is_beyond(limits, &failure))
        return 0;
    if (found == 0)
        err_set(&failure, ERR_IO, "its manifest is missing");
    if (found > 0)
        keep_references(graph, at, &manifest);
    else
        damaged_node(graph, at, &failure);
    return 1;
}

/* What is no manifest is a leaf; what cannot be read is not known to be one. */
static int read_layer(struct graph *graph, uint32_t at, const struct scan_limits *limits,
                      struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    struct digest digest;
    struct err failure = {0};

    digest_key_unpack(&graph->nodes[at].digest, &digest);
    int found = repo_has_layer(graph->pass->store, graph->name, &digest, err);
    if (found <= 0)
        return found < 0 ? -1 : 1;
    found = blob_may_be_manifest(graph->pass->store, &digest, &failure);
    if (found > 0)
        found = read_manifest(graph, at, limits, &manifest, &failure);
    if (found < 0 && is_beyond(limits, &failure))
        return 0;
    if (found > 0)
        keep_references(graph, at, &manifest);
    else if (found < 0 && failure.code != ERR_MANIFEST_INVALID &&
             failure.code != ERR_MANIFEST_TOO_LARGE)
        damaged_node(graph, at, &failure);
    return 1;
}

static int read_nodes(struct graph *graph, const struct scan_limits *limits, struct err *err)
{
    uint32_t n_tagged = graph->n_nodes; /* tags were read first */

    if (read_revisions(graph, err) < 0)
        return -1;
    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        bool named = at < n_tagged || graph->nodes[at].has_revision;
        int read = named ? read_named(graph, at, limits) : read_layer(graph, at, limits, err);
        if (read <= 0)
            return read;
    }
    return 1;
}

int scan_repository(struct graph *graph, const struct scan_limits *limits, struct err *err)
{
    /* Tags first: what is tagged in between is young. */
    return read_tags(graph, err) < 0 ? -1 : read_nodes(graph, limits, err);
}

int scan_again(struct graph *graph, uint32_t at, const struct scan_limits *limits,
               scan_visit_fn *visit, void *context)
{
    AUTO_MANIFEST manifest = {0};
    struct err failure = {0};

    int found = read_manifest(graph, at, limits, &manifest, &failure);
    if (found < 0 && is_beyond(limits, &failure))
        return 0;
    if (found == 0)
        err_set(&failure, ERR_IO, "its manifest went meanwhile");
    if (found <= 0)
        damaged_node(graph, at, &failure);
    for (size_t i = 0; found > 0 && i < manifest.n_references; i++)
        visit(graph, &manifest.references[i], context);
    return 1;
}
