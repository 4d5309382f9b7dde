/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's view of one repository. */
#include "gc/graph.h"

#include "base/array.h"

#include <stdlib.h>

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
    digest_map_free(&graph->needed);
    digest_map_free(&graph->waiting);
    *graph = (struct graph){0};
}

size_t graph_bytes(const struct graph *graph)
{
    return graph->n_nodes * (sizeof *graph->nodes + 40) + graph->n_blobs * sizeof *graph->blobs +
           graph->n_children * sizeof *graph->children + graph->tags.n * 64 +
           (graph->needed.n + graph->waiting.n) * 40;
}

uint32_t graph_add(struct graph *graph, const struct digest *digest)
{
    uint32_t *number = digest_map_put(&graph->index, digest);

    if (*number == 0) {
        digest_key_pack(&ARRAY_ADD(graph->nodes, graph->n_nodes)->digest, digest);
        *number = graph->n_nodes;
    }
    return *number;
}

const struct graph_node *graph_find(const struct graph *graph, const struct digest *digest)
{
    const uint32_t *number = digest_map_get(&graph->index, digest);

    return number ? &graph->nodes[*number - 1] : NULL;
}

void graph_damage(struct graph *graph, const char *what, const struct err *err)
{
    AUTO_BUF message = BUF_INIT;

    graph->damaged = true;
    buf_addf(&message, "%s: %s", what, err->msg);
    strings_add(&graph->problems, message.s);
}
