/* SPDX-License-Identifier: Apache-2.0
 * L0: a ring of threads whose results come in order. */
#include "pack/ordered.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct place {
    bool done;
    size_t weight;
};

/* Items are numbered from 0 and stand at their number modulo n: [head, next) are in work or done,
 * [next, tail) wait for a thread. */
struct ordered {
    struct ordered_options options;
    pthread_mutex_t mutex;
    pthread_cond_t to_do, done;
    unsigned char *items;
    struct place *places;
    uint64_t head, next, tail; /* head and tail are changed by the caller's thread alone */
    size_t weight;             /* of those that are done */
    atomic_bool stop;
    pthread_t *threads;
    int n_threads, idle;
    void *own; /* the caller's */
    bool has_own;
};

static void *item_at(const struct ordered *ring, uint64_t i)
{
    return ring->items + i % ring->options.items * ring->options.item_size;
}

static struct place *place_at(const struct ordered *ring, uint64_t i)
{
    return &ring->places[i % ring->options.items];
}

/* Whether there is something to begin. The oldest always can: nothing is done then, and weighs.
 * Holds the mutex. */
static bool can_begin(const struct ordered *ring)
{
    return ring->next < ring->tail && ring->weight <= ring->options.weight_max;
}

/* Holds the mutex, but not meanwhile. */
static void do_next(struct ordered *ring, void *own)
{
    uint64_t i = ring->next++;
    void *item = item_at(ring, i);
    size_t weight = 0;

    pthread_mutex_unlock(&ring->mutex);
    ring->options.work(ring->options.context, own, item);
    if (ring->options.weight)
        weight = ring->options.weight(item);
    pthread_mutex_lock(&ring->mutex);
    *place_at(ring, i) = (struct place){.done = true, .weight = weight};
    ring->weight += weight;
    pthread_cond_signal(&ring->done);
}

static void *open_own(const struct ordered *ring)
{
    return ring->options.open ? ring->options.open(ring->options.context) : NULL;
}

static void close_own(const struct ordered *ring, void *own)
{
    if (ring->options.close)
        ring->options.close(own);
}

static void *run(void *context)
{
    struct ordered *ring = context;
    void *own = open_own(ring);

    pthread_mutex_lock(&ring->mutex);
    while (!ring->stop) {
        if (can_begin(ring)) {
            do_next(ring, own);
            continue;
        }
        ring->idle++;
        pthread_cond_wait(&ring->to_do, &ring->mutex);
        ring->idle--;
    }
    pthread_mutex_unlock(&ring->mutex);
    close_own(ring, own);
    return NULL;
}

/* Without signals, which are for the caller's thread. Holds the mutex. */
static void add_thread(struct ordered *ring)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&ring->threads[ring->n_threads], NULL, run, ring) == 0)
        ring->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct ordered *ordered_start(const struct ordered_options *options)
{
    struct ordered *ring = mem_alloc(sizeof *ring);
    pthread_condattr_t attributes;

    ring->options = *options;
    ring->items = mem_alloc(options->items * options->item_size);
    ring->places = mem_alloc(options->items * sizeof *ring->places);
    ring->threads = mem_alloc(((size_t)options->threads + 1) * sizeof *ring->threads);
    pthread_mutex_init(&ring->mutex, NULL);
    pthread_cond_init(&ring->to_do, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->done, &attributes);
    pthread_condattr_destroy(&attributes);
    return ring;
}

void *ordered_room(struct ordered *ring)
{
    return ring->tail - ring->head < ring->options.items ? item_at(ring, ring->tail) : NULL;
}

void ordered_put(struct ordered *ring)
{
    pthread_mutex_lock(&ring->mutex);
    place_at(ring, ring->tail)->done = false;
    ring->tail++;
    if (ring->tail - ring->next > (uint64_t)ring->idle && ring->n_threads < ring->options.threads)
        add_thread(ring);
    pthread_cond_signal(&ring->to_do);
    pthread_mutex_unlock(&ring->mutex);
}

size_t ordered_count(const struct ordered *ring)
{
    return (size_t)(ring->tail - ring->head);
}

/* false: it took too long. Holds the mutex. */
static bool wait_done(struct ordered *ring, const struct timespec *until)
{
    if (!until)
        return pthread_cond_wait(&ring->done, &ring->mutex) == 0;
    return pthread_cond_timedwait(&ring->done, &ring->mutex, until) == 0;
}

static struct timespec after(int wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

/* Holds the mutex, but not meanwhile. */
static void help(struct ordered *ring)
{
    if (!ring->has_own) {
        ring->own = open_own(ring);
        ring->has_own = true;
    }
    do_next(ring, ring->own);
}

void *ordered_take(struct ordered *ring, int wait_ms)
{
    struct timespec until = wait_ms > 0 ? after(wait_ms) : (struct timespec){0};
    const struct place *oldest = place_at(ring, ring->head);
    bool is_done = false, goes_on = ring->head < ring->tail;

    pthread_mutex_lock(&ring->mutex);
    while (goes_on && !(is_done = oldest->done)) {
        bool works = ring->options.caller_helps || ring->n_threads == 0;
        if (works && can_begin(ring))
            help(ring);
        else
            goes_on = wait_ms != 0 && wait_done(ring, wait_ms < 0 ? NULL : &until);
    }
    pthread_mutex_unlock(&ring->mutex);
    return is_done ? item_at(ring, ring->head) : NULL;
}

void ordered_next(struct ordered *ring)
{
    pthread_mutex_lock(&ring->mutex);
    ring->weight -= place_at(ring, ring->head)->weight;
    place_at(ring, ring->head)->weight = 0;
    ring->head++;
    if (ring->options.weight)
        pthread_cond_broadcast(&ring->to_do);
    pthread_mutex_unlock(&ring->mutex);
}

bool ordered_stopping(const struct ordered *ring)
{
    return ring->stop;
}

void ordered_stop(struct ordered *ring)
{
    if (!ring)
        return;
    pthread_mutex_lock(&ring->mutex);
    ring->stop = true;
    pthread_cond_broadcast(&ring->to_do);
    pthread_mutex_unlock(&ring->mutex);
    for (int i = 0; i < ring->n_threads; i++)
        pthread_join(ring->threads[i], NULL);
    if (ring->has_own)
        close_own(ring, ring->own);
    for (size_t i = 0; i < ring->options.items && ring->options.free_item; i++)
        ring->options.free_item(ring->items + i * ring->options.item_size);
    pthread_cond_destroy(&ring->to_do);
    pthread_cond_destroy(&ring->done);
    pthread_mutex_destroy(&ring->mutex);
    free(ring->threads);
    free(ring->places);
    free(ring->items);
    free(ring);
}
