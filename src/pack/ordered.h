/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that several threads do, and one thread hands out and takes back in the same order.
 *
 *     struct ordered *ring = ordered_start(&options);
 *     for (;;) {
 *         while (there is more && (item = ordered_room(ring))) {
 *             fill *item;
 *             ordered_put(ring);
 *         }
 *         if (!(item = ordered_take(ring, -1)))
 *             break;                                // all is done
 *         use *item;
 *         ordered_next(ring);
 *     }
 *     ordered_stop(ring);
 *
 * Everything but work(), open() and close() is called in the thread that called ordered_start, the
 * caller's. An item belongs to the caller from ordered_room to ordered_put and from ordered_take to
 * ordered_next, in between to the ring. Memory is bounded by the number of items, and by what those
 * weigh that are done and not taken yet.
 *
 * Errors are part of an item: work() leaves one there, the caller meets it when it is that item's
 * turn, and goes on or stops. Signals are delivered to the caller's thread, never to the ring's.
 */
#ifndef BERTH_PACK_ORDERED_H
#define BERTH_PACK_ORDERED_H

#include <stdbool.h>
#include <stddef.h>

struct ordered_options {
    size_t item_size; /* in bytes; each is zeroed at the start, and later as it was left */
    size_t items;     /* that are handed out and not taken back, at most */
    /* At most so many, each started when there is work that no other waits for. 0, or where none
     * can be started: the caller works in ordered_take. */
    int threads;
    bool caller_helps; /* does the next item's work where it would wait for the oldest */
    void (*work)(void *context, void *own, void *item);
    void *context; /* shared by all threads */
    /* What each thread has of its own; NULL: nothing. Called in that thread, the caller's too where
     * it works. */
    void *(*open)(void *context);
    void (*close)(void *own);
    void (*free_item)(void *item); /* what ordered_stop calls for each place; NULL: nothing */
    /* What an item weighs once it is done (asked in the thread that did it). While all that are
     * done weigh more than weight_max, no other is begun but the oldest. NULL: nothing. */
    size_t (*weight)(const void *item);
    size_t weight_max;
};

struct ordered;
struct ordered *ordered_start(const struct ordered_options *options);
/* The place for the next item, as an earlier one left it; NULL: as many as may be are under way. */
void *ordered_room(struct ordered *ring);
void ordered_put(struct ordered *ring);
/* How many were put and not given back by ordered_next. */
size_t ordered_count(const struct ordered *ring);
/* The oldest item once it is done: after at most wait_ms (-1: however long it takes; longer where
 * the caller works meanwhile). NULL: there is none, or it is not done. Again the same until
 * ordered_next. */
void *ordered_take(struct ordered *ring, int wait_ms);
void ordered_next(struct ordered *ring);
/* Whether ordered_stop was called, for work() that takes long. From any thread. */
bool ordered_stopping(const struct ordered *ring);
/* Waits for what is in work, not for what was not begun; at any time. NULL is fine. */
void ordered_stop(struct ordered *ring);

#endif
