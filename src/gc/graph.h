/* SPDX-License-Identifier: Apache-2.0
 *
 * A repository's manifests, and how they hang together.
 *
 * Its memory is bounded by the number of manifests, tags and different blobs of a repository, not
 * by how often manifests name them: beyond GRAPH_EDGES_MAX what a manifest names is not kept, but
 * read again.
 */
#ifndef BERTH_GC_GRAPH_H
#define BERTH_GC_GRAPH_H

#include "base/strings.h"
#include "gc/pass.h"

#define GRAPH_EDGES_MAX ((uint32_t)1 << 18)

/* Nodes and tags are numbered from 1; 0 is none. */
struct graph_node {
    struct digest_packed digest;
    bool has_revision;
    bool live;
    bool waits;                    /* lives for its age alone, or that of what needs it */
    bool old;                      /* beyond its grace */
    bool unkept;                   /* what it names is read again */
    int64_t mtime;                 /* of the revision's link, ns */
    uint32_t children, n_children; /* in graph->children: nodes */
    uint32_t blobs, n_blobs;       /* in graph->blobs */
    uint32_t parents;              /* dead ones that name it */
    uint32_t level; /* of the dead: it goes when those of lower ones are off the disk */
    uint32_t subject;
    uint32_t first_referrer, next_referrer;
    uint32_t first_attached;
};

struct graph_tag {
    uint32_t node;     /* what it points at; 0: nothing that is there */
    uint32_t attached; /* the node whose referrers it stands for; 0: it is an ordinary tag */
    uint32_t next_attached;
};

struct graph {
    struct pass *pass;
    const struct name *name;
    struct graph_node *nodes;
    uint32_t n_nodes;
    struct digest_map index; /* digest -> node */
    uint32_t *children;
    uint32_t n_children;
    struct digest_key *blobs;
    uint32_t n_blobs;
    struct strings tags;
    struct graph_tag *tag;   /* as tags */
    bool unfinished;         /* there are names among the tags that are none */
    struct strings problems; /* that were met; told when it is swept: several threads read graphs */
    struct strings empty;    /* directories of links, without a link */
    bool damaged;            /* what it needs is not known: everything in it lives */
    int64_t grace;           /* of manifests without a tag, seconds; -1: for ever */
    struct digest_map needed;  /* blobs that what lives in it names */
    struct digest_map waiting; /* the same of what waits, and perhaps of others */
    int64_t kept;              /* manifests and layer links that stay */
    int64_t gone;              /* manifests that went */
};

/* Leaves it empty. */
void graph_free(struct graph *graph);
/* What it takes in memory, about. */
size_t graph_bytes(const struct graph *graph);

/* The digest's node, made if it is new, which may move the others. */
uint32_t graph_add(struct graph *graph, const struct digest *digest);
/* NULL: it is none of this repository's manifests, and none of them names it as one. */
const struct graph_node *graph_find(const struct graph *graph, const struct digest *digest);
/* Something in it cannot be read. */
void graph_damage(struct graph *graph, const char *what, const struct err *err);

#endif
