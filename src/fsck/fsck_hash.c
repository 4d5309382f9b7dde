/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: hashing blobs by several threads. */
#include "fsck/fsck_hash.h"

#include "base/mem.h"
#include "oci/digester.h"
#include "pack/ordered.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define PIECE ((size_t)1 << 18)
#define ITEMS_PER_JOB 4
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
        if (file_pread_all(fd, piece, len, off, &hash->err) < 0) {
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

struct fsck_hasher {
    struct fsck *fsck;
    fsck_hashed_fn *done;
    void *context;
    struct ordered *ring; /* of struct fsck_hash */
    bool broken;          /* one was not hashed to its end */
    atomic_llong bytes;
};

static void hash_one(void *context, void *own, void *item)
{
    struct fsck_hasher *hasher = context;
    struct fsck_hash *hash = item;
    struct layout_path path;

    (void)own;
    fsck_hash_path(hasher->fsck->store, layout_blob(&path, &hash->digest), hash, hasher->fsck,
                   &hasher->bytes);
}

struct fsck_hasher *fsck_hash_start(struct fsck *fsck, fsck_hashed_fn *done, void *context)
{
    struct fsck_hasher *hasher = mem_alloc(sizeof *hasher);
    int jobs = fsck->options.jobs > 0 ? fsck->options.jobs : 1;
    struct ordered_options options = {
        .item_size = sizeof(struct fsck_hash),
        .items = (size_t)jobs * ITEMS_PER_JOB,
        .threads = jobs,
        .work = hash_one,
        .context = hasher,
    };

    hasher->fsck = fsck;
    hasher->done = done;
    hasher->context = context;
    hasher->ring = ordered_start(&options);
    return hasher;
}

/* Hands back what is done at the head; the oldest is waited for if that must be. */
static void hand_back(struct fsck_hasher *hasher, bool must)
{
    for (;;) {
        const struct fsck_hash *hash = ordered_take(hasher->ring, must ? WAKE_MS : 0);
        if (hash) {
            /* Behind one that was not finished nothing counts, so that a state file has no gaps. */
            hasher->broken = hasher->broken || hash->stopped;
            if (!hasher->broken)
                hasher->done(hasher->fsck, hasher->context, hash);
            ordered_next(hasher->ring);
            must = false;
        }
        progress_at(hasher->fsck->options.bytes, "hashing", hasher->bytes,
                    hasher->fsck->found_bytes);
        if (!hash && !must)
            return;
    }
}

void fsck_hash_put(struct fsck_hasher *hasher, const struct digest *digest)
{
    struct fsck_hash *hash;

    while (!(hash = ordered_room(hasher->ring)))
        hand_back(hasher, true);
    *hash = (struct fsck_hash){.digest = *digest};
    ordered_put(hasher->ring);
    hand_back(hasher, false);
}

void fsck_hash_end(struct fsck_hasher *hasher)
{
    while (ordered_count(hasher->ring) > 0)
        hand_back(hasher, true);
    ordered_stop(hasher->ring);
    free(hasher);
}
