/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector settles what lives in a repository. */
#include "gc/settle.h"

#include "base/mem.h"
#include "oci/attached.h"

#include <stdlib.h>

/* The number of the node to which the tag belongs; NULL: to none. */
static const uint32_t *attached_to(const struct graph *graph, const char *tag)
{
    struct attached attached;
    struct digest_key key;
    struct digest digest;

    if (!attached_parse(&attached, tag) || !digest_key_of_hex(&key, attached.hex))
        return NULL;
    const uint32_t *number = digest_map_get_key(&graph->index, &key);
    if (!number)
        return NULL;
    digest_key_unpack(&graph->nodes[*number - 1].digest, &digest);
    return attached_is_of(&attached, &digest) ? number : NULL;
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
        const uint32_t *number = attached_to(graph, graph->tags.v[i]);
        /* Signatures may be kept in another repository than what they sign; and who tags a manifest
         * with its own digest wants to keep it. */
        if (!number || !graph->nodes[*number - 1].has_revision || graph->tag[i].node == *number)
            continue;
        graph->tag[i].attached = *number;
        graph->tag[i].next_attached = graph->nodes[*number - 1].first_attached;
        graph->nodes[*number - 1].first_attached = (uint32_t)i + 1;
    }
}

/* Live nodes whose references are still to be followed. */
struct queue {
    uint32_t *v;
    uint32_t n;
    bool waits;                /* those that are found now */
    struct digest_map *needed; /* the blobs that they name */
};

static void make_live(struct graph *graph, struct queue *queue, uint32_t number)
{
    if (number == 0 || graph->nodes[number - 1].live)
        return;
    graph->nodes[number - 1].live = true;
    graph->nodes[number - 1].waits = queue->waits;
    queue->v[queue->n++] = number;
}

static void follow_reference(struct graph *graph, const struct descriptor *reference, void *context)
{
    struct queue *queue = context;

    if (reference->role == DESCRIPTOR_CHILD)
        make_live(graph, queue, graph_add(graph, &reference->digest));
    else
        digest_map_put(queue->needed, &reference->digest);
}

/* 0: it is beyond the limits. */
static int follow(struct graph *graph, uint32_t at, const struct scan_limits *limits,
                  struct queue *queue)
{
    const struct graph_node *node = &graph->nodes[at];

    if (node->unkept)
        return scan_again(graph, at, limits, follow_reference, queue);
    for (uint32_t i = 0; i < node->n_children; i++)
        make_live(graph, queue, graph->children[node->children + i]);
    for (uint32_t i = 0; i < node->n_blobs; i++)
        digest_map_put_key(queue->needed, &graph->blobs[node->blobs + i]);
    return 1;
}

/* What refers to it lives as long as it does; what it refers to is for its own tags to keep, unless
 * it is a leaf, which has none. */
static void follow_back(struct graph *graph, const struct graph_node *node, struct queue *queue)
{
    for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
        make_live(graph, queue, r);
    for (uint32_t t = node->first_attached; t; t = graph->tag[t - 1].next_attached)
        make_live(graph, queue, graph->tag[t - 1].node);
    if (node->subject && !graph->nodes[node->subject - 1].has_revision)
        make_live(graph, queue, node->subject);
}

static int follow_all(struct graph *graph, const struct scan_limits *limits, struct queue *queue)
{
    while (queue->n) {
        uint32_t at = queue->v[--queue->n] - 1;
        if (follow(graph, at, limits, queue) == 0)
            return 0;
        follow_back(graph, &graph->nodes[at], queue);
    }
    return 1;
}

static void start_at_tags(struct graph *graph, struct queue *queue)
{
    queue->needed = &graph->needed;
    for (size_t i = 0; i < graph->tags.n; i++)
        if (!graph->tag[i].attached)
            make_live(graph, queue, graph->tag[i].node);
}

/* What no tag reaches. */
static void start_at_young(struct graph *graph, struct queue *queue)
{
    queue->waits = graph->grace >= 0;
    queue->needed = queue->waits ? &graph->waiting : &graph->needed;
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (graph->nodes[at].has_revision && !graph->nodes[at].old)
            make_live(graph, queue, at + 1);
}

/* Nothing may go where not all is known. */
static int keep_all(struct graph *graph, const struct scan_limits *limits, struct queue *queue)
{
    int settled = 1;

    queue->waits = false;
    queue->needed = &graph->needed;
    for (uint32_t at = 0; at < graph->n_nodes && settled > 0; at++) {
        make_live(graph, queue, at + 1);
        settled = follow_all(graph, limits, queue);
    }
    return settled;
}

int settle_graph(struct graph *graph, const struct scan_limits *limits)
{
    struct queue queue = {.v = mem_alloc(((size_t)graph->n_nodes + 1) * sizeof *queue.v)};

    connect(graph);
    start_at_tags(graph, &queue);
    int settled = follow_all(graph, limits, &queue);
    if (settled > 0) {
        start_at_young(graph, &queue);
        settled = follow_all(graph, limits, &queue);
    }
    if (settled > 0 && graph->damaged)
        settled = keep_all(graph, limits, &queue);
    free(queue.v);
    return settled;
}

/* --- the order in which the dead go --- */

static bool is_dead(const struct graph_node *node)
{
    return node->has_revision && !node->live;
}

struct order {
    uint32_t *dead;
    uint32_t n;
    uint32_t level; /* of those that are added now */
};

static void count_one(struct graph *graph, const struct descriptor *reference, void *context)
{
    (void)context;
    if (reference->role == DESCRIPTOR_CHILD)
        graph->nodes[graph_add(graph, &reference->digest) - 1].parents++;
}

static void free_node(struct graph *graph, uint32_t number, struct order *order)
{
    struct graph_node *node = &graph->nodes[number - 1];

    if (--node->parents != 0 || !is_dead(node))
        return;
    node->level = order->level;
    order->dead[order->n++] = number;
}

static void free_one(struct graph *graph, const struct descriptor *reference, void *context)
{
    if (reference->role == DESCRIPTOR_CHILD)
        free_node(graph, graph_add(graph, &reference->digest), context);
}

/* What a node names: its children, and those that refer to it, which go after it. */
static void count_parents(struct graph *graph, uint32_t at)
{
    const struct graph_node *node = &graph->nodes[at];

    if (node->unkept)
        scan_again(graph, at, &SCAN_LARGE, count_one, NULL);
    for (uint32_t i = 0; i < node->n_children; i++)
        graph->nodes[graph->children[node->children + i] - 1].parents++;
    for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
        graph->nodes[r - 1].parents++;
}

static void free_children(struct graph *graph, uint32_t at, struct order *order)
{
    const struct graph_node *node = &graph->nodes[at];

    order->level = node->level + 1;
    if (node->unkept)
        scan_again(graph, at, &SCAN_LARGE, free_one, order);
    for (uint32_t i = 0; i < node->n_children; i++)
        free_node(graph, graph->children[node->children + i], order);
    order->level = node->level; /* a referrer may be gone before its subject */
    for (uint32_t r = node->first_referrer; r; r = graph->nodes[r - 1].next_referrer)
        free_node(graph, r, order);
}

/* An index whose subject is its own child wants to go before it and after it. */
static void add_cycles(const struct graph *graph, struct order *order)
{
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (is_dead(&graph->nodes[at]) && graph->nodes[at].parents > 0)
            order->dead[order->n++] = at + 1;
}

uint32_t *settle_dead(struct graph *graph, uint32_t *n)
{
    struct order order = {mem_alloc(((size_t)graph->n_nodes + 1) * sizeof *order.dead), 0, 0};

    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (is_dead(&graph->nodes[at]))
            count_parents(graph, at);
    for (uint32_t at = 0; at < graph->n_nodes; at++)
        if (is_dead(&graph->nodes[at]) && graph->nodes[at].parents == 0)
            order.dead[order.n++] = at + 1;
    for (uint32_t i = 0; i < order.n; i++)
        free_children(graph, order.dead[i] - 1, &order);
    add_cycles(graph, &order);
    *n = order.n;
    return order.dead;
}
