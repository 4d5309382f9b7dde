/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's view of one repository: its manifests, what they name, which of them live. */
#include "gc/graph.h"

#include "base/array.h"
#include "base/dir.h"
#include "base/hex.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/tag.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct graph_node *graph_find(const struct graph *graph, const struct digest *digest)
{
    const uint32_t *number = digest_map_get(&graph->index, digest);

    return number ? &graph->nodes[*number - 1] : NULL;
}

/* The digest's node, made if it is new. */
static uint32_t node_of(struct graph *graph, const struct digest *digest)
{
    uint32_t *number = digest_map_put(&graph->index, digest);

    if (*number != 0)
        return *number;
    struct graph_node *node = ARRAY_ADD(graph->nodes, graph->n_nodes);
    digest_key_pack(&node->digest, digest);
    *number = graph->n_nodes;
    return graph->n_nodes;
}

/* It is told when the graph is swept: graphs are read by several threads. */
static void damaged(struct graph *graph, const char *what, const struct err *err)
{
    AUTO_BUF message = BUF_INIT;

    graph->damaged = true;
    buf_addf(&message, "%s: %s", what, err->msg);
    strings_add(&graph->problems, message.s);
}

/* The manifest whose referrers the tag stands for: <algorithm>-<hex>, cut off at 64 digits (OCI
 * Distribution Specification, "Referrers Tag Schema"), or with .sig, .att or .sbom behind it as
 * cosign has it. */
static bool attached_key(const char *tag, struct digest_key *key)
{
    size_t algorithm = strcspn(tag, "-");
    const char *hex = tag + algorithm + (tag[algorithm] == '-');
    unsigned char bytes[32];

    return (!strncmp(tag, "sha256-", 7) || !strncmp(tag, "sha512-", 7)) && strlen(hex) >= 64 &&
           (hex[64] == '\0' || hex[64] == '.') && hex_decode(bytes, hex, 32) &&
           digest_key_of_hex(key, hex);
}

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
        damaged(graph, tag.s, &err);
    if (found > 0)
        graph->tag[i].node = node_of(graph, &digest);
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
    uint32_t number = node_of(graph, &digest); /* may move the nodes */
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

static void add_child(struct graph *graph, uint32_t at, const struct digest *digest)
{
    uint32_t child = node_of(graph, digest); /* may move the nodes */

    *ARRAY_ADD(graph->children, graph->n_children) = child;
    graph->nodes[at].n_children++;
}

static void add_blob(struct graph *graph, uint32_t at, const struct digest *digest)
{
    digest_key_of(ARRAY_ADD(graph->blobs, graph->n_blobs), digest);
    graph->nodes[at].n_blobs++;
}

static void add_references(struct graph *graph, uint32_t at, const struct manifest *manifest)
{
    graph->nodes[at].children = graph->n_children;
    graph->nodes[at].blobs = graph->n_blobs;
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *reference = &manifest->references[i];
        if (reference->role == DESCRIPTOR_CHILD)
            add_child(graph, at, &reference->digest);
        else
            add_blob(graph, at, &reference->digest);
    }
    if (manifest->has_subject) {
        uint32_t subject = node_of(graph, &manifest->subject);
        graph->nodes[at].subject = subject;
    }
}

/* What a revision's link or a tag names must be a manifest. A child or a subject need not be there;
 * without a revision it is one only if the repository has it where Distribution's first versions
 * kept manifests. */
static int read_node(struct graph *graph, uint32_t at, bool named, struct err *err)
{
    const struct store *store = graph->pass->store;
    AUTO_MANIFEST manifest = {0};
    AUTO_BUF bytes = BUF_INIT;
    struct digest digest;
    struct err failure = {0};

    digest_key_unpack(&graph->nodes[at].digest, &digest);
    if (!named) {
        int has = repo_has_layer(store, graph->name, &digest, err);
        if (has <= 0)
            return has;
    }
    int found = blob_read_manifest(store, &digest, &bytes, &failure);
    if (found == 0 && named)
        err_set(&failure, ERR_IO, "its manifest is missing");
    if (found > 0 && manifest_parse(&manifest, bytes.s, bytes.len, &failure) < 0)
        found = -1;
    if (found > 0)
        add_references(graph, at, &manifest);
    else if (found < 0 || named)
        damaged(graph, digest.s, &failure);
    return 0;
}

static int read_nodes(struct graph *graph, struct err *err)
{
    uint32_t n_tagged = graph->n_nodes; /* tags were read first */

    if (read_revisions(graph, err) < 0)
        return -1;
    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        bool named = at < n_tagged || graph->nodes[at].has_revision;
        if (read_node(graph, at, named, err) < 0)
            return -1;
    }
    return 0;
}

/* Lists each node's referrers, and the tags that stand for some. */
static void connect(struct graph *graph)
{
    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        struct graph_node *node = &graph->nodes[at];
        if (!node->subject)
            continue;
        struct graph_node *subject = &graph->nodes[node->subject - 1];
        node->next_referrer = subject->first_referrer;
        subject->first_referrer = at + 1;
    }
    for (size_t i = 0; i < graph->tags.n; i++) {
        struct digest_key key;
        const uint32_t *number =
            attached_key(graph->tags.v[i], &key) ? digest_map_get_key(&graph->index, &key) : NULL;
        /* Signatures may be kept in another repository than what they sign; and who tags a manifest
         * with its own digest wants to keep it. */
        if (!number || !graph->nodes[*number - 1].has_revision || graph->tag[i].node == *number)
            continue;
        graph->tag[i].attached = *number;
        graph->tag[i].next_attached = graph->nodes[*number - 1].first_attached;
        graph->nodes[*number - 1].first_attached = (uint32_t)i + 1;
    }
}

struct queue {
    uint32_t *v;
    uint32_t n;
};

static void make_live(struct graph *graph, struct queue *queue, uint32_t number)
{
    if (number == 0 || graph->nodes[number - 1].live)
        return;
    graph->nodes[number - 1].live = true;
    queue->v[queue->n++] = number;
}

static void settle(struct graph *graph)
{
    struct queue queue = {mem_alloc(((size_t)graph->n_nodes + 1) * sizeof *queue.v), 0};

    for (size_t i = 0; i < graph->tags.n; i++)
        if (!graph->tag[i].attached)
            make_live(graph, &queue, graph->tag[i].node);
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (graph->nodes[at].has_revision && !graph->nodes[at].old)
            make_live(graph, &queue, at + 1);
    while (queue.n) {
        const struct graph_node *node = &graph->nodes[queue.v[--queue.n] - 1];
        for (uint32_t i = 0; i < node->n_children; i++)
            make_live(graph, &queue, graph->children[node->children + i]);
        for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
            make_live(graph, &queue, r);
        for (uint32_t t = node->first_attached; t; t = graph->tag[t - 1].next_attached)
            make_live(graph, &queue, graph->tag[t - 1].node);
    }
    free(queue.v);
}

int graph_read(struct graph *graph, struct pass *pass, const struct name *name, struct err *err)
{
    *graph = (struct graph){.pass = pass, .name = name};
    /* Tags first: what is tagged in between is young. */
    if (read_tags(graph, err) < 0 || read_nodes(graph, err) < 0)
        return -1;
    connect(graph);
    settle(graph);
    return 0;
}

void graph_free(struct graph *graph)
{
    free(graph->nodes);
    digest_map_free(&graph->index);
    free(graph->children);
    free(graph->blobs);
    strings_free(&graph->tags);
    strings_free(&graph->problems);
    strings_free(&graph->empty);
    free(graph->tag);
    *graph = (struct graph){0};
}

size_t graph_bytes(const struct graph *graph)
{
    return graph->n_nodes * (sizeof *graph->nodes + 40) + graph->n_blobs * sizeof *graph->blobs +
           graph->n_children * sizeof *graph->children + graph->tags.n * 64;
}

static bool is_dead(const struct graph_node *node)
{
    return node->has_revision && !node->live;
}

/* What a node names: its children, and those that refer to it, which go after it. */
static void count_parents(const struct graph *graph, const struct graph_node *node, uint32_t by)
{
    for (uint32_t i = 0; i < node->n_children; i++)
        graph->nodes[graph->children[node->children + i] - 1].parents += by;
    for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
        graph->nodes[r - 1].parents += by;
}

static void add_if_free(const struct graph *graph, uint32_t number, uint32_t *dead, uint32_t *n)
{
    const struct graph_node *node = &graph->nodes[number - 1];

    if (is_dead(node) && node->parents == 0)
        dead[(*n)++] = number;
}

/* Digests make cycles impossible, so each comes up. */
uint32_t *graph_dead(const struct graph *graph, uint32_t *n)
{
    uint32_t *dead = mem_alloc(((size_t)graph->n_nodes + 1) * sizeof *dead);

    *n = 0;
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (is_dead(&graph->nodes[at]))
            count_parents(graph, &graph->nodes[at], 1);
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        add_if_free(graph, at + 1, dead, n);
    for (uint32_t i = 0; i < *n; i++) {
        const struct graph_node *node = &graph->nodes[dead[i] - 1];
        for (uint32_t k = 0; k < node->n_children; k++) {
            uint32_t child = graph->children[node->children + k];
            if (--graph->nodes[child - 1].parents == 0)
                add_if_free(graph, child, dead, n);
        }
        for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
            if (--graph->nodes[r - 1].parents == 0)
                add_if_free(graph, r, dead, n);
    }
    return dead;
}
