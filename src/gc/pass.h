/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of src/gc share and nobody else needs: one pass of the collector over a store.
 */
#ifndef BERTH_GC_PASS_H
#define BERTH_GC_PASS_H

#include "gc/gc.h"
#include "oci/digest_map.h"
#include "store/layout.h"
#include "store/lock.h"

struct gc_pass {
    const struct store *store;
    const struct gc_options *options;
    struct gc_totals *totals;
    int64_t began;            /* ns, by the clock of the store's file system */
    struct digest_map marked; /* blobs that stay */
    bool blocked;             /* not all that stays is marked: no blob may go */

    struct lock lock;      /* held between gc_hold and gc_release */
    int64_t locked_ms;     /* since when */
    int64_t looked_ms;     /* when nobody waited */
    bool names_gone;       /* and must be so on disk before their blobs go */
    struct strings doomed; /* what was moved to _berth/tmp and is to be taken apart */
};

void gc_problem(struct gc_pass *pass, const struct name *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void gc_removes(const struct gc_pass *pass, const struct gc_item *item);
int64_t gc_mtime(const struct stat *st);                   /* ns */
int64_t gc_age(const struct gc_pass *pass, int64_t mtime); /* seconds when the pass began */
/* Whether it was older than grace (seconds, -1: for ever) then. */
bool gc_is_old(const struct gc_pass *pass, const struct stat *st, int64_t grace);

/* Holds lock_gc exclusively when it returns; lets go of it in between if that took long enough for
 * others to wait. Each thing that is removed wants its own gc_hold, and a look after it.
 * (sweep.c) */
int gc_hold(struct gc_pass *pass, struct err *err);
/* Lets go, to look at what may take long. */
void gc_let_go(struct gc_pass *pass);
/* The same, and takes apart what was moved away. */
int gc_release(struct gc_pass *pass, struct err *err);
/* Removes a link and its directory. Between gc_hold and gc_release. */
int gc_unlink(struct gc_pass *pass, const char *path, struct err *err);
/* The same of dir/hex/file, if that is old enough still, with *st as it was. In a dry run it looks
 * only. 0: it stays, or is gone. Takes gc_hold itself. */
struct gc_doomed {
    int64_t grace;  /* seconds; or where mtime is set, whatever grace was: */
    int64_t mtime;  /* it is the one that was seen; 0: any */
    struct stat st; /* as it was */
    bool is_there;
};
int gc_remove_lone(struct gc_pass *pass, const struct fs_root *dir, const char *hex,
                   const char *file, struct gc_doomed *doomed, struct err *err);
/* Opens a directory to remove in it; *dir is closed by fs_root_close. 0: there is none. */
int gc_open_dir(const struct gc_pass *pass, const char *path, struct fs_root *dir, struct err *err);
/* Removes a tree at once, by moving it away; gc_release takes it apart. */
int gc_remove_tree(struct gc_pass *pass, const char *path, struct err *err);

/* Its stale sessions; *left: of how many something is left. (uploads.c) */
int gc_uploads(struct gc_pass *pass, const struct name *name, size_t *left, struct err *err);
/* Unmarked blobs, and litter. (blobs.c) */
int gc_blobs(struct gc_pass *pass, struct err *err);
int gc_litter(struct gc_pass *pass, struct err *err);

/* A repository's manifests and how they hang together. (graph.c) */
struct gc_node {
    unsigned char raw[64]; /* of the digest */
    unsigned char algorithm;
    bool has_revision;
    bool live;
    int64_t mtime;                 /* of the revision's link, ns */
    bool old;                      /* beyond its grace */
    uint32_t children, n_children; /* in graph->children: nodes */
    uint32_t blobs, n_blobs;       /* in graph->blobs */
    uint32_t parents;              /* dead ones that name it */
    /* Nodes and tags are numbered from 1; 0 is none. */
    uint32_t subject;
    uint32_t first_referrer, next_referrer;
    uint32_t first_attached;
};

struct gc_tag {
    uint32_t node;     /* what it points at; 0: nothing that is there */
    uint32_t attached; /* the node whose referrers it stands for; 0: it is an ordinary tag */
    uint32_t next_attached;
};

struct gc_graph {
    struct gc_pass *pass;
    const struct name *name;
    struct gc_node *nodes;
    uint32_t n_nodes;
    struct digest_map index; /* digest -> node */
    uint32_t *children;
    uint32_t n_children;
    struct digest_key *blobs;
    uint32_t n_blobs;
    struct strings tags;
    struct gc_tag *tag;      /* as tags */
    bool unfinished;         /* there are names among the tags that are none */
    struct strings problems; /* that were met */
    struct strings empty;    /* directories of links, without a link */
    bool damaged;            /* what it needs is not known */
    int64_t kept;            /* manifests and layer links that stay */
    int64_t gone;            /* manifests that went */
};

/* Reads a repository and settles what lives; changes nothing of the pass, so that several can be
 * read at once. gc_graph_free afterwards, also after an error. -1: it cannot be listed. */
int gc_graph_read(struct gc_graph *graph, struct gc_pass *pass, const struct name *name,
                  struct err *err);
void gc_graph_free(struct gc_graph *graph);
void gc_node_digest(const struct gc_node *node, struct digest *digest);
/* Marks what a repository needs, and sweeps its dead names. (mark.c) */
int gc_repo(struct gc_graph *graph, struct err *err);
/* Reads all of them by several threads, and sweeps them one by one, in order. (ahead.c) */
int gc_repos(struct gc_pass *pass, const struct strings *names, struct err *err);
/* What is left over of tags, of referrers, and of a repository that is empty. (tidy.c) */
int gc_tidy(struct gc_graph *graph, struct err *err);
/* The dead manifests, each behind those that name it; free(3). */
uint32_t *gc_graph_dead(const struct gc_graph *graph, uint32_t *n);

#endif
