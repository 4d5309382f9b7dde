/* SPDX-License-Identifier: Apache-2.0
 * pack/ordered.c. What happens in other threads is noted down and looked at by the test's own. */
#include "unit/unit.h"

#include "pack/ordered.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

struct item {
    int number, result;
};

/* What the works of a test share. */
struct shared {
    struct ordered *ring;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int begun, done, meeting;
    bool open; /* the gate before which `gated` waits */
    int gated; /* -1: none */
    int needs; /* `gated` waits until so many are done, instead of for the gate; 0: the gate */
    int opened;
    int in_caller; /* works that the caller's thread did */
    bool signals;  /* a thread of the ring takes SIGTERM */
    pthread_t caller;
};

static void begin(struct shared *shared)
{
    *shared = (struct shared){.gated = -1, .caller = pthread_self()};
    pthread_mutex_init(&shared->mutex, NULL);
    pthread_cond_init(&shared->changed, NULL);
}

static void end(struct shared *shared)
{
    pthread_mutex_destroy(&shared->mutex);
    pthread_cond_destroy(&shared->changed);
}

static void work(void *context, void *own, void *item)
{
    struct shared *shared = context;
    struct item *mine = item;
    sigset_t blocked;

    (void)own;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&shared->mutex);
    shared->begun++;
    pthread_cond_broadcast(&shared->changed);
    if (pthread_equal(shared->caller, pthread_self()))
        shared->in_caller++;
    else
        shared->signals = shared->signals || !sigismember(&blocked, SIGTERM);
    while (mine->number == shared->gated &&
           !(shared->needs ? shared->done >= shared->needs : shared->open))
        pthread_cond_wait(&shared->changed, &shared->mutex);
    shared->done++;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
    mine->result = 10 * mine->number;
}

static void wait_begun(struct shared *shared, int n)
{
    pthread_mutex_lock(&shared->mutex);
    while (shared->begun < n)
        pthread_cond_wait(&shared->changed, &shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
}

static void open_gate(struct shared *shared)
{
    pthread_mutex_lock(&shared->mutex);
    shared->open = true;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
}

static struct ordered *start(struct shared *shared, size_t items, int threads, bool caller_helps)
{
    shared->ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                           .items = items,
                                                           .threads = threads,
                                                           .caller_helps = caller_helps,
                                                           .work = work,
                                                           .context = shared});
    return shared->ring;
}

static void put(struct ordered *ring, int number)
{
    struct item *item = ordered_room(ring);

    assert_non_null(item);
    item->number = number;
    ordered_put(ring);
}

static void assert_taken(int number, struct ordered *ring)
{
    struct item *item = ordered_take(ring, -1);

    assert_non_null(item);
    assert_int_equal(number, item->number);
    assert_int_equal(10 * number, item->result);
    assert_ptr_equal(item, ordered_take(ring, 0));
    ordered_next(ring);
}

/* Gives n items through a ring, as the header's example does. */
static void pass_through(struct ordered *ring, int n)
{
    int given = 0, taken = 0;

    while (taken < n) {
        while (given < n && ordered_room(ring))
            put(ring, given++);
        assert_taken(taken++, ring);
    }
    assert_null(ordered_take(ring, -1));
    assert_int_equal(0, ordered_count(ring));
}

static void test_in_order(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    shared.gated = 0; /* the oldest one is the last to be done */
    shared.needs = 7;
    struct ordered *ring = start(&shared, 8, 4, false);
    pass_through(ring, 2000);
    assert_int_equal(2000, shared.done);
    assert_int_equal(0, shared.in_caller);
    assert_false(shared.signals);
    ordered_stop(ring);
    end(&shared);
}

static void test_bounded(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    struct ordered *ring = start(&shared, 3, 2, false);
    for (int i = 0; i < 3; i++)
        put(ring, i);
    assert_null(ordered_room(ring));
    assert_int_equal(3, ordered_count(ring));
    struct item *first = ordered_take(ring, -1);
    assert_null(ordered_room(ring));
    ordered_next(ring);
    assert_ptr_equal(first, ordered_room(ring)); /* the same place, as it was left */
    assert_int_equal(0, first->number);
    assert_int_equal(2, ordered_count(ring));
    ordered_stop(ring);
    end(&shared);
}

static void test_waits_so_long(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    shared.gated = 0;
    struct ordered *ring = start(&shared, 2, 1, false);
    assert_null(ordered_take(ring, 0));
    put(ring, 0);
    assert_null(ordered_take(ring, 0));
    assert_null(ordered_take(ring, 1));
    long before = unit_now_ms();
    assert_null(ordered_take(ring, 20));
    assert_true(unit_now_ms() - before >= 19);
    open_gate(&shared);
    assert_taken(0, ring);
    ordered_stop(ring);
    end(&shared);
}

/* Each meets the others: n threads at once. */
static void meet(void *context, void *own, void *item)
{
    struct shared *shared = context;

    (void)item;
    pthread_mutex_lock(&shared->mutex);
    shared->meeting++;
    pthread_cond_broadcast(&shared->changed);
    while (shared->meeting < 3)
        pthread_cond_wait(&shared->changed, &shared->mutex);
    *(int *)own += 1;
    pthread_mutex_unlock(&shared->mutex);
}

static int owns[8];

static void *open_own(void *context)
{
    struct shared *shared = context;

    pthread_mutex_lock(&shared->mutex);
    int *own = &owns[shared->opened++];
    pthread_mutex_unlock(&shared->mutex);
    *own = 0;
    return own;
}

static void close_own(void *own)
{
    *(int *)own += 100;
}

static void test_threads_have_their_own(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    struct ordered *ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                                   .items = 8,
                                                                   .threads = 3,
                                                                   .work = meet,
                                                                   .context = &shared,
                                                                   .open = open_own,
                                                                   .close = close_own});
    for (int i = 0; i < 8; i++)
        put(ring, i);
    for (int i = 0; i < 8; i++) {
        assert_non_null(ordered_take(ring, -1));
        ordered_next(ring);
    }
    ordered_stop(ring);
    assert_int_equal(3, shared.opened);
    int done = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(owns[i] >= 101); /* each was at the meeting, and is closed */
        done += owns[i] - 100;
    }
    assert_int_equal(8, done);
    end(&shared);
}

static bool threads_fail;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *context)
{
    return threads_fail ? EAGAIN : __real_pthread_create(thread, attributes, run, context);
}

static void assert_all_in_caller(int threads)
{
    struct shared shared;

    begin(&shared);
    struct ordered *ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                                   .items = 4,
                                                                   .threads = threads,
                                                                   .work = work,
                                                                   .context = &shared,
                                                                   .open = open_own,
                                                                   .close = close_own});
    pass_through(ring, 10);
    ordered_stop(ring);
    assert_int_equal(10, shared.in_caller);
    assert_int_equal(1, shared.opened);
    assert_int_equal(100, owns[0]);
    end(&shared);
}

static void test_no_threads(void **state)
{
    (void)state;
    assert_all_in_caller(0);
}

static void test_threads_cannot_be_started(void **state)
{
    (void)state;
    threads_fail = true;
    assert_all_in_caller(4);
    threads_fail = false;
}

/* The only thread waits for what the caller alone can do. */
static void test_caller_helps(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    shared.gated = 0;
    shared.needs = 2;
    struct ordered *ring = start(&shared, 4, 1, true);
    put(ring, 0);
    wait_begun(&shared, 1);
    put(ring, 1);
    put(ring, 2);
    for (int i = 0; i < 3; i++)
        assert_taken(i, ring);
    assert_int_equal(2, shared.in_caller);
    ordered_stop(ring);
    end(&shared);
}

static size_t ten(const void *item)
{
    (void)item;
    return 10;
}

static void test_heavy_items_wait(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    shared.gated = 0;
    struct ordered *ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                                   .items = 8,
                                                                   .threads = 1,
                                                                   .caller_helps = true,
                                                                   .work = work,
                                                                   .context = &shared,
                                                                   .weight = ten,
                                                                   .weight_max = 15});
    put(ring, 0);
    wait_begun(&shared, 1);
    for (int i = 1; i < 8; i++)
        put(ring, i);
    assert_null(ordered_take(ring, 0)); /* the caller does two, which is enough */
    assert_int_equal(3, shared.begun);
    open_gate(&shared);
    for (int i = 0; i < 8; i++)
        assert_taken(i, ring);
    ordered_stop(ring);
    end(&shared);
}

/* Even the first one is too heavy: then it is one at a time. */
static void test_each_too_heavy(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    struct ordered *ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                                   .items = 4,
                                                                   .threads = 3,
                                                                   .work = work,
                                                                   .context = &shared,
                                                                   .weight = ten,
                                                                   .weight_max = 0});
    pass_through(ring, 100);
    ordered_stop(ring);
    end(&shared);
}

static void until_stopped(void *context, void *own, void *item)
{
    struct shared *shared = context;

    (void)own;
    (void)item;
    pthread_mutex_lock(&shared->mutex);
    shared->begun++;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
    while (!ordered_stopping(shared->ring))
        sched_yield();
}

static int freed;

static void free_item(void *item)
{
    freed += 1 + ((struct item *)item)->number;
}

static void test_stopped_early(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    shared.ring = ordered_start(&(struct ordered_options){.item_size = sizeof(struct item),
                                                          .items = 4,
                                                          .threads = 1,
                                                          .work = until_stopped,
                                                          .context = &shared,
                                                          .free_item = free_item});
    put(shared.ring, 100);
    put(shared.ring, 200);
    wait_begun(&shared, 1);
    freed = 0;
    ordered_stop(shared.ring);
    assert_int_equal(1, shared.begun);
    assert_int_equal(4 + 300, freed); /* every place, also those that were never used */
    ordered_stop(NULL);
    end(&shared);
}

static void test_nothing_to_do(void **state)
{
    struct shared shared;

    (void)state;
    begin(&shared);
    struct ordered *ring = start(&shared, 4, 4, true);
    assert_null(ordered_take(ring, -1));
    ordered_stop(ring);
    end(&shared);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),       cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_waits_so_long),  cmocka_unit_test(test_threads_have_their_own),
        cmocka_unit_test(test_no_threads),     cmocka_unit_test(test_threads_cannot_be_started),
        cmocka_unit_test(test_caller_helps),   cmocka_unit_test(test_heavy_items_wait),
        cmocka_unit_test(test_each_too_heavy), cmocka_unit_test(test_stopped_early),
        cmocka_unit_test(test_nothing_to_do),
    };

    return RUN(tests);
}
