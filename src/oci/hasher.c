/* SPDX-License-Identifier: Apache-2.0
 * L1: hashing beside the caller. */
#include "oci/hasher.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct hasher {
    struct digester *digester;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const void *bytes; /* NULL: nothing to do */
    size_t len;
    bool over;
};

static void *run(void *context)
{
    struct hasher *hasher = context;

    pthread_mutex_lock(&hasher->mutex);
    while (hasher->bytes || !hasher->over) {
        if (!hasher->bytes) {
            pthread_cond_wait(&hasher->changed, &hasher->mutex);
            continue;
        }
        pthread_mutex_unlock(&hasher->mutex);
        digester_update(hasher->digester, hasher->bytes, hasher->len);
        pthread_mutex_lock(&hasher->mutex);
        hasher->bytes = NULL;
        pthread_cond_signal(&hasher->changed);
    }
    pthread_mutex_unlock(&hasher->mutex);
    return NULL;
}

struct hasher *hasher_begin(struct digester *digester)
{
    struct hasher *hasher = mem_alloc(sizeof *hasher);
    sigset_t all, before;

    *hasher = (struct hasher){.digester = digester,
                              .mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    /* Signals are to interrupt the caller, who may be waiting for bytes. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&hasher->thread, NULL, run, hasher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return hasher;
    free(hasher);
    return NULL;
}

/* Holds the mutex. */
static void wait_until_idle(struct hasher *hasher)
{
    while (hasher->bytes)
        pthread_cond_wait(&hasher->changed, &hasher->mutex);
}

void hasher_add(struct hasher *hasher, const void *bytes, size_t len)
{
    pthread_mutex_lock(&hasher->mutex);
    wait_until_idle(hasher);
    hasher->bytes = bytes;
    hasher->len = len;
    pthread_cond_signal(&hasher->changed);
    pthread_mutex_unlock(&hasher->mutex);
}

void hasher_end(struct hasher *hasher)
{
    if (!hasher)
        return;
    pthread_mutex_lock(&hasher->mutex);
    wait_until_idle(hasher);
    hasher->over = true;
    pthread_cond_signal(&hasher->changed);
    pthread_mutex_unlock(&hasher->mutex);
    pthread_join(hasher->thread, NULL);
    pthread_mutex_destroy(&hasher->mutex);
    pthread_cond_destroy(&hasher->changed);
    free(hasher);
}
