/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's way through all repositories: while one is swept, other threads read those
 * that come next. */
#include "gc/ahead.h"

#include "base/mem.h"
#include "gc/sweep.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 4
#define SLOTS 64 /* repositories that have been read and not swept */

/* What they may take in memory, beyond which no other is begun. */
#define READ_BYTES_MAX ((size_t)16 << 20)

struct slot {
    struct name name;
    struct graph graph;
    bool ready;
    size_t bytes; /* that the graph takes */
    int result;
    struct err err;
};

struct queue {
    struct pass *pass;
    const struct strings *names;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct slot slots[SLOTS];
    size_t next;  /* to be read */
    size_t swept; /* so many */
    size_t bytes; /* of the graphs that wait */
    bool stop;
};

static size_t size_of(const struct graph *graph)
{
    return graph->n_nodes * (sizeof *graph->nodes + 40) + graph->n_blobs * sizeof *graph->blobs +
           graph->n_children * sizeof *graph->children + graph->tags.n * 64;
}

/* Without the mutex. */
static void read_one(struct queue *queue, size_t i)
{
    struct slot *slot = &queue->slots[i % SLOTS];
    const char *text = queue->names->v[i];

    slot->result = name_parse(&slot->name, text, strlen(text), &slot->err);
    slot->graph = (struct graph){0};
    if (slot->result == 0)
        slot->result = graph_read(&slot->graph, queue->pass, &slot->name, &slot->err);
}

/* Whoever has nothing to wait for reads the next one. Holds the mutex, but not meanwhile. */
static bool help(struct queue *queue)
{
    if (queue->stop || queue->next >= queue->names->n || queue->next - queue->swept >= SLOTS ||
        (queue->bytes > READ_BYTES_MAX && queue->next > queue->swept))
        return false;
    size_t i = queue->next++;
    struct slot *slot = &queue->slots[i % SLOTS];
    pthread_mutex_unlock(&queue->mutex);
    read_one(queue, i);
    pthread_mutex_lock(&queue->mutex);
    slot->ready = true;
    slot->bytes = size_of(&slot->graph);
    queue->bytes += slot->bytes;
    pthread_cond_broadcast(&queue->changed);
    return true;
}

static void *read_ahead(void *context)
{
    struct queue *queue = context;

    pthread_mutex_lock(&queue->mutex);
    while (!queue->stop && queue->next < queue->names->n)
        if (!help(queue))
            pthread_cond_wait(&queue->changed, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

static struct slot *take(struct queue *queue, size_t i)
{
    struct slot *slot = &queue->slots[i % SLOTS];

    pthread_mutex_lock(&queue->mutex);
    while (!slot->ready)
        if (!help(queue))
            pthread_cond_wait(&queue->changed, &queue->mutex);
    pthread_mutex_unlock(&queue->mutex);
    return slot;
}

static void give_back(struct queue *queue, struct slot *slot)
{
    graph_free(&slot->graph);
    pthread_mutex_lock(&queue->mutex);
    queue->bytes -= slot->bytes;
    slot->ready = false;
    queue->swept++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

/* One repository that fails must not keep the others from being collected; but what it needs is not
 * known then. */
static int sweep(struct pass *pass, struct slot *slot, struct err *err)
{
    progress_at(pass->options->progress, "marking",
                pass->totals->manifests.kept + pass->totals->manifests.removed, -1);
    if (slot->result == 0)
        slot->result = sweep_repository(&slot->graph, &slot->err);
    if (slot->result == 0)
        return 0;
    if (slot->err.code == ERR_BUSY || slot->err.code == ERR_NO_SPACE) {
        return err_copy(err, &slot->err);
    }
    pass->blocked = true;
    pass_problem(pass, &slot->name, slot->err.msg);
    return 0;
}

static int sweep_all(struct queue *queue, struct err *err)
{
    int result = 0;

    for (size_t i = 0; i < queue->names->n && result == 0; i++) {
        struct slot *slot = take(queue, i);
        result = sweep(queue->pass, slot, err);
        give_back(queue, slot);
    }
    return result;
}

int ahead_sweep(struct pass *pass, const struct strings *names, struct err *err)
{
    struct queue *queue = mem_alloc(sizeof *queue);
    pthread_t threads[THREADS_MAX];
    int n = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    queue->pass = pass;
    queue->names = names;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    /* This thread reads, too, where it is first: so none need come to life. */
    while (n < THREADS_MAX && n + 1 < processors &&
           pthread_create(&threads[n], NULL, read_ahead, queue) == 0)
        n++;
    int result = sweep_all(queue, err);
    pthread_mutex_lock(&queue->mutex);
    queue->stop = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < SLOTS; i++)
        if (queue->slots[i].ready)
            graph_free(&queue->slots[i].graph);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
    return result;
}
