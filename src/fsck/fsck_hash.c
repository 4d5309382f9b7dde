/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: hashing blobs by several threads (the only user of pthread.h). Each thread hashes whole
 * blobs; all that is not hashing is done by the one that calls. */
#include "fsck/fsck_hash.h"

#include "base/mem.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PIECE ((size_t)1 << 18)
#define SLOTS_PER_JOB 4
#define WAKE_MS 100

static bool read_through(int fd, struct fsck_hash *hash, struct digester *digester,
                         const struct fsck *fsck, atomic_llong *bytes)
{
    char *piece = mem_alloc(PIECE);
    int64_t off = 0;
    bool done = true;

    while (off < hash->st.st_size && !fsck_run_stopped(fsck)) {
        int64_t rest = hash->st.st_size - off;
        size_t len = rest < (int64_t)PIECE ? (size_t)rest : PIECE;
        if (fd_pread_all(fd, piece, len, off, &hash->err) < 0) {
            done = false;
            break;
        }
        digester_update(digester, piece, len);
        off += (int64_t)len;
        if (bytes)
            *bytes += (int64_t)len;
    }
    hash->stopped = done && off < hash->st.st_size;
    free(piece);
    return done;
}

void fsck_hash_path(const struct store *store, const char *path, struct fsck_hash *hash,
                    const struct fsck *fsck, atomic_llong *bytes)
{
    AUTO_FD fd = -1;
    AUTO_DIGESTER digester = {0};

    hash->stopped = false;
    hash->found = fs_open(&store->fs, path, O_RDONLY | O_NONBLOCK, &fd, &hash->err);
    if (hash->found <= 0)
        return;
    if (fstat(fd, &hash->st) < 0 || !S_ISREG(hash->st.st_mode)) {
        hash->found = err_sys(&hash->err, EINVAL, "%s is no plain file", path);
        return;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    digester_init(&digester, hash->digest.algorithm);
    if (read_through(fd, hash, &digester, fsck, bytes))
        digester_final(&digester, &hash->actual);
    else
        hash->found = -1;
}

/* A ring of blobs: those before `first` are handed back, those before `next` are taken by a thread,
 * those before `last` wait. */
struct fsck_hasher {
    struct fsck *fsck;
    fsck_hashed_fn *done;
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t put, ready;
    pthread_t *threads;
    size_t n_threads, n_slots;
    struct slot {
        struct fsck_hash hash;
        bool ready;
    } * slots;
    uint64_t first, next, last;
    bool closed, broken;
    atomic_llong bytes;
};

static struct slot *slot_at(struct fsck_hasher *hasher, uint64_t i)
{
    return &hasher->slots[i % hasher->n_slots];
}

static void *work(void *context)
{
    struct fsck_hasher *hasher = context;
    struct layout_path path;

    pthread_mutex_lock(&hasher->mutex);
    for (;;) {
        while (hasher->next == hasher->last && !hasher->closed)
            pthread_cond_wait(&hasher->put, &hasher->mutex);
        if (hasher->next == hasher->last)
            break;
        struct slot *slot = slot_at(hasher, hasher->next++);
        pthread_mutex_unlock(&hasher->mutex);
        fsck_hash_path(hasher->fsck->store, layout_blob(&path, &slot->hash.digest), &slot->hash,
                       hasher->fsck, &hasher->bytes);
        pthread_mutex_lock(&hasher->mutex);
        slot->ready = true;
        pthread_cond_signal(&hasher->ready);
    }
    pthread_mutex_unlock(&hasher->mutex);
    return NULL;
}

struct fsck_hasher *fsck_hash_start(struct fsck *fsck, fsck_hashed_fn *done, void *context)
{
    struct fsck_hasher *hasher = mem_alloc(sizeof *hasher);
    size_t jobs = fsck->options.jobs > 0 ? (size_t)fsck->options.jobs : 1;
    sigset_t all, before;

    hasher->fsck = fsck;
    hasher->done = done;
    hasher->context = context;
    hasher->n_slots = jobs * SLOTS_PER_JOB;
    hasher->slots = mem_alloc(hasher->n_slots * sizeof *hasher->slots);
    hasher->threads = mem_alloc(jobs * sizeof *hasher->threads);
    pthread_mutex_init(&hasher->mutex, NULL);
    pthread_cond_init(&hasher->put, NULL);
    pthread_cond_init(&hasher->ready, NULL);
    /* Signals are for the thread that started the others. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (hasher->n_threads < jobs &&
           pthread_create(&hasher->threads[hasher->n_threads], NULL, work, hasher) == 0)
        hasher->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (hasher->n_threads == 0)
        abort(); /* as without memory */
    return hasher;
}

static void show_progress(struct fsck_hasher *hasher)
{
    progress_at(hasher->fsck->options.bytes, "hashing", hasher->bytes, hasher->fsck->found_bytes);
}

/* Hands back what is ready at the head, waiting until at most `left` are under way. Called with the
 * mutex held. */
static void collect(struct fsck_hasher *hasher, uint64_t left)
{
    while (hasher->last - hasher->first > left ||
           (hasher->first < hasher->last && slot_at(hasher, hasher->first)->ready)) {
        struct slot *slot = slot_at(hasher, hasher->first);
        if (!slot->ready) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += WAKE_MS * 1000000L;
            until.tv_sec += until.tv_nsec / 1000000000L;
            until.tv_nsec %= 1000000000L;
            pthread_cond_timedwait(&hasher->ready, &hasher->mutex, &until);
            show_progress(hasher);
            continue;
        }
        pthread_mutex_unlock(&hasher->mutex);
        /* Behind one that was not finished nothing counts, so that a state file has no gaps. */
        hasher->broken = hasher->broken || slot->hash.stopped;
        if (!hasher->broken)
            hasher->done(hasher->fsck, hasher->context, &slot->hash);
        show_progress(hasher);
        pthread_mutex_lock(&hasher->mutex);
        slot->ready = false;
        hasher->first++;
    }
}

void fsck_hash_put(struct fsck_hasher *hasher, const struct digest *digest)
{
    pthread_mutex_lock(&hasher->mutex);
    collect(hasher, hasher->n_slots - 1);
    slot_at(hasher, hasher->last)->hash = (struct fsck_hash){.digest = *digest};
    hasher->last++;
    pthread_cond_signal(&hasher->put);
    pthread_mutex_unlock(&hasher->mutex);
}

void fsck_hash_end(struct fsck_hasher *hasher)
{
    pthread_mutex_lock(&hasher->mutex);
    collect(hasher, 0);
    hasher->closed = true;
    pthread_cond_broadcast(&hasher->put);
    pthread_mutex_unlock(&hasher->mutex);
    for (size_t i = 0; i < hasher->n_threads; i++)
        pthread_join(hasher->threads[i], NULL);
    pthread_mutex_destroy(&hasher->mutex);
    pthread_cond_destroy(&hasher->put);
    pthread_cond_destroy(&hasher->ready);
    free(hasher->threads);
    free(hasher->slots);
    free(hasher);
}
