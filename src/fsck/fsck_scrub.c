/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: blobs: whether they lie where they belong, and have their digests. */
#include "fsck/fsck_scrub.h"

#include "base/dir.h"
#include "fsck/fsck_blob.h"
#include "fsck/fsck_hash.h"
#include "fsck/fsck_look.h"
#include "fsck/fsck_state.h"
#include "fsck/fsck_suspect.h"
#include "store/blob.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>

struct blob_pass {
    struct fsck_state state;
    struct fsck_hasher *hasher;
    struct err *err;
    bool failed;
};

static void hashed(struct fsck *fsck, void *context, const struct fsck_hash *hash)
{
    struct blob_pass *pass = context;
    struct layout_path path;
    bool bad = hash->found > 0 && !digest_equal(&hash->actual, &hash->digest);

    if (hash->found < 0 && !fsck_look_obscured(fsck, layout_blob(&path, &hash->digest)))
        fsck_suspect_unreadable(fsck, path.s, &hash->err);
    if (hash->found > 0) {
        fsck->summary.blobs++;
        fsck->summary.hashed++;
        fsck->summary.hashed_bytes += hash->st.st_size;
    }
    if (bad && !digest_map_get(&fsck->reported, &hash->digest))
        fsck_blob_bad(fsck, FSCK_BLOB_DIGEST, &hash->digest, &hash->st,
                      hash->st.st_size ? "its content has another digest" : "is empty");
    fsck_state_done(&pass->state, &hash->digest, hash->found > 0 ? hash->st.st_size : 0, bad);
    if (!pass->failed && fsck_state_save(&pass->state, false, pass->err) < 0)
        pass->failed = true;
}

/* Without hashing only what cannot be right is hashed: the digest of nothing is known. */
static void take_blob(struct fsck *fsck, struct blob_pass *pass, const struct digest *digest)
{
    struct layout_path path;
    struct err err;
    int64_t size;

    if (pass->state.has_at && strcmp(digest->s, pass->state.at.s) <= 0 &&
        digest->algorithm == pass->state.at.algorithm)
        return;
    if (fsck->options.fast &&
        fsck_run_saw(fsck, layout_blob(&path, digest), blob_stat(fsck->store, digest, &size, &err),
                     &err) > 0 &&
        size > 0) {
        fsck->summary.blobs++;
        return;
    }
    fsck_hash_put(pass->hasher, digest);
}

static void take_shard(struct fsck *fsck, struct blob_pass *pass, enum digest_algorithm algorithm,
                       const char *dir)
{
    AUTO_STRINGS names = {0};
    struct layout_path path;
    struct digest digest;
    struct err err;

    fsck_run_saw(fsck, dir, dir_list(&fsck->store->fs, dir, &names, &err), &err);
    for (size_t i = 0; i < names.n && !fsck_run_stopped(fsck) && !pass->failed; i++)
        if (digest_from_hex(&digest, algorithm, names.v[i], NULL) == 0 &&
            fsck_look_type(fsck, layout_blob(&path, &digest)) == FSCK_FILE)
            take_blob(fsck, pass, &digest);
}

/* In the order of the digests, so that a state file can say how far it is. */
static void take_all(struct fsck *fsck, struct blob_pass *pass)
{
    char dir[64];

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        if (pass->state.has_at && algorithm < pass->state.at.algorithm)
            continue;
        for (int shard = 0; shard < 256 && !fsck_run_stopped(fsck) && !pass->failed; shard++) {
            snprintf(dir, sizeof dir, LAYOUT_BLOBS "/%s/%02x", digest_algorithm_name(algorithm),
                     (unsigned)shard);
            take_shard(fsck, pass, algorithm, dir);
        }
    }
}

/* What an earlier run has found is looked at once more, to say what it is now. */
static void take_damaged(struct fsck *fsck, struct blob_pass *pass)
{
    struct layout_path path;

    for (size_t i = 0; i < pass->state.damaged.n; i++) {
        struct fsck_hash hash = {0};
        const char *text = pass->state.damaged.v[i];
        if (digest_parse(&hash.digest, text, strlen(text), NULL) < 0)
            continue;
        fsck_hash_path(fsck->store, layout_blob(&path, &hash.digest), &hash, fsck, NULL);
        if (fsck_run_saw(fsck, path.s, hash.found, &hash.err) > 0 && !hash.stopped &&
            !digest_equal(&hash.actual, &hash.digest) &&
            !digest_map_get(&fsck->reported, &hash.digest))
            fsck_blob_bad(fsck, FSCK_BLOB_DIGEST, &hash.digest, &hash.st,
                          "its content has another digest");
    }
}

int fsck_scrub_blobs(struct fsck *fsck, struct err *err)
{
    struct blob_pass pass = {.err = err};

    if (fsck_state_open(fsck, &pass.state, err) < 0)
        return -1;
    fsck->summary.skipped = pass.state.blobs;
    fsck->summary.blobs += pass.state.blobs;
    take_damaged(fsck, &pass);
    pass.hasher = fsck_hash_start(fsck, hashed, &pass);
    take_all(fsck, &pass);
    fsck_hash_end(pass.hasher);
    bool complete = !pass.failed && !fsck_run_stopped(fsck);
    if (fsck_state_close(&pass.state, complete, pass.failed ? NULL : err) < 0)
        pass.failed = true;
    return pass.failed ? -1 : 0;
}
