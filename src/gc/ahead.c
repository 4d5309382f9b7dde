/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's way through all repositories: while one is swept, other threads read those
 * that come next. */
#include "gc/ahead.h"

#include "gc/settle.h"
#include "gc/sweep.h"
#include "pack/ordered.h"

#include <string.h>
#include <unistd.h>

#define THREADS_MAX 4
#define AHEAD 64 /* repositories that have been read and not swept */

/* What they may take in memory, beyond which no other is begun. */
#define READ_BYTES_MAX ((size_t)6 << 20)

/* A repository that is read, and how that went. */
struct ahead {
    const char *text; /* its name */
    struct name name;
    struct graph graph;
    int result; /* 0: it is yet to be read, by one thread alone */
    struct err err;
};

/* 1, 0: it holds a manifest beyond the limits, -1. */
static int read_within(struct pass *pass, struct ahead *ahead, const struct scan_limits *limits)
{
    ahead->graph = (struct graph){.pass = pass, .name = &ahead->name};
    int read = scan_repository(&ahead->graph, limits, &ahead->err);
    if (read > 0)
        read = settle_graph(&ahead->graph, limits);
    if (read <= 0)
        graph_free(&ahead->graph);
    return read;
}

static void read_one(void *context, void *own, void *item)
{
    struct pass *pass = context;
    struct ahead *ahead = item;

    (void)own;
    ahead->result = name_parse(&ahead->name, ahead->text, strlen(ahead->text), &ahead->err);
    if (ahead->result == 0)
        ahead->result = read_within(pass, ahead, &SCAN_SMALL);
}

static size_t weight(const void *item)
{
    const struct ahead *ahead = item;

    return graph_bytes(&ahead->graph);
}

static void free_one(void *item)
{
    struct ahead *ahead = item;

    graph_free(&ahead->graph);
}

/* One repository that fails must not keep the others from being collected; but what it needs is not
 * known then. */
static int sweep(struct pass *pass, struct ahead *ahead, struct err *err)
{
    progress_at(pass->options->progress, "marking",
                pass->totals->manifests.kept + pass->totals->manifests.removed, -1);
    /* What takes much memory is read by this thread alone. */
    if (ahead->result == 0)
        ahead->result = read_within(pass, ahead, &SCAN_LARGE);
    if (ahead->result >= 0)
        ahead->result = sweep_repository(&ahead->graph, &ahead->err);
    if (ahead->result == 0)
        return 0;
    if (ahead->err.code == ERR_BUSY || ahead->err.code == ERR_NO_SPACE)
        return err_copy(err, &ahead->err);
    pass->blocked = true;
    pass_problem(pass, &ahead->name, ahead->err.msg);
    return 0;
}

static int sweep_all(struct pass *pass, const struct strings *names, struct ordered *ring,
                     struct err *err)
{
    struct ahead *ahead;
    size_t next = 0;

    for (;;) {
        while (next < names->n && (ahead = ordered_room(ring))) {
            ahead->text = names->v[next++];
            ordered_put(ring);
        }
        if (!(ahead = ordered_take(ring, -1)))
            return 0;
        int result = sweep(pass, ahead, err);
        graph_free(&ahead->graph);
        ordered_next(ring);
        if (result < 0)
            return -1;
    }
}

int ahead_sweep(struct pass *pass, const struct strings *names, struct err *err)
{
    long others = sysconf(_SC_NPROCESSORS_ONLN) - 1; /* this thread helps, too */
    struct ordered_options options = {
        .item_size = sizeof(struct ahead),
        .items = AHEAD,
        .threads = others > THREADS_MAX ? THREADS_MAX
                   : others > 0         ? (int)others
                                        : 0,
        .caller_helps = true,
        .work = read_one,
        .context = pass,
        .free_item = free_one,
        .weight = weight,
        .weight_max = READ_BYTES_MAX,
    };
    struct ordered *ring = ordered_start(&options);

    int result = sweep_all(pass, names, ring, err);
    ordered_stop(ring);
    return result;
}
