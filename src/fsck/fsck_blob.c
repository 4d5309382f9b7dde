/* SPDX-License-Identifier: Apache-2.0
 * L2: fsck: blobs: whether they lie where they belong, and have their digests. */
#include "fsck/fsck_parts.h"

#include "base/dir.h"
#include "store/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- where they lie --- */

struct place {
    enum digest_algorithm algorithm;
    const char *shard; /* two digits */
    bool shard_valid;
};

struct misplaced {
    struct digest digest;
    bool is_sound; /* its content has the digest that it is named after */
};

static bool still_there(struct fsck *fsck, const struct fsck_suspicion *suspicion)
{
    return fsck_type_of(fsck, suspicion->path) == FSCK_DIRECTORY;
}

/* Sound content goes where it belongs, if it is not there already. */
static int put_right(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                     struct err *err)
{
    const struct misplaced *blob = suspicion->context;
    struct layout_path from, to;
    AUTO_DIRTY dirty = {0};

    layout_blob(&to, &blob->digest);
    if (!blob->is_sound || fsck_type_of(fsck, to.s) != FSCK_ABSENT)
        return fsck_mend_move(fsck, suspicion, what, err);
    snprintf(from.s, sizeof from.s, "%.1000s/data", suspicion->path);
    if (fs_rename(&fsck->store->fs, from.s, to.s, &dirty, err) < 0 ||
        dir_remove(&fsck->store->fs, suspicion->path, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addf(what, "moved to %s", to.s);
    return 0;
}

static void report_place(struct fsck *fsck, const struct place *place,
                         const struct fsck_entry *entry)
{
    struct misplaced blob = {.is_sound = false};
    struct fsck_hash hash = {0};
    char data[sizeof(struct layout_path) + sizeof "/data"];
    struct fsck_suspicion suspicion = {
        .code = FSCK_BLOB_PLACE,
        .path = entry->path,
        .text = "no digest begins like this: the collector of Distribution ends here",
        .holds = still_there,
        .mend = put_right,
        .context = &blob,
    };

    if (digest_from_hex(&blob.digest, place->algorithm, entry->name, NULL) == 0) {
        suspicion.digest = &blob.digest;
        suspicion.text = "a blob in another directory than that of its first two digits";
        snprintf(data, sizeof data, "%s/data", entry->path);
        hash.digest = blob.digest;
        fsck_hash_path(fsck->store, data, &hash, fsck, NULL);
        blob.is_sound = hash.found > 0 && !hash.stopped && digest_equal(&hash.actual, &hash.digest);
    }
    if (fsck_suspect(fsck, &suspicion) == FSCK_FAULTY && suspicion.digest)
        digest_map_put(&fsck->reported, suspicion.digest);
}

static void visit_blob_part(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    (void)context;
    if (!strcmp(entry->name, "data"))
        fsck_expect(fsck, NULL, entry, FSCK_FILE);
    else
        fsck_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
}

static void visit_blob(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    const struct place *place = context;
    struct layout_path data;
    struct digest digest;
    struct stat st;

    fsck_step(fsck, "blobs");
    if (entry->type == FSCK_FILE) {
        fsck_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
        return;
    }
    if (fsck_expect(fsck, NULL, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    if (!place->shard_valid || digest_from_hex(&digest, place->algorithm, entry->name, NULL) < 0 ||
        strncmp(entry->name, place->shard, 2) != 0) {
        report_place(fsck, place, entry);
        return;
    }
    fsck_each(fsck, entry->path, visit_blob_part, NULL);
    if (fs_stat(&fsck->store->fs, layout_blob(&data, &digest), &st, NULL) > 0 &&
        S_ISREG(st.st_mode)) {
        fsck->found_blobs++;
        fsck->found_bytes += st.st_size;
    }
}

static bool is_shard(const char *name)
{
    return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

static void visit_shard(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct place *place = context;

    place->shard = entry->name;
    place->shard_valid = is_shard(entry->name);
    if (entry->type == FSCK_FILE)
        fsck_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
    else if (fsck_expect(fsck, NULL, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    else
        fsck_each(fsck, entry->path, visit_blob, place);
}

static void visit_algorithm(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct place place = {.algorithm = DIGEST_SHA256};

    (void)context;
    if (entry->type == FSCK_FILE ||
        (digest_algorithm_parse(&place.algorithm, entry->name, NULL) < 0 &&
         strcmp(entry->name, "sha384") != 0))
        fsck_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
    else if (strcmp(entry->name, "sha384") != 0 &&
             fsck_expect(fsck, NULL, entry, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_each(fsck, entry->path, visit_shard, &place);
}

void fsck_blob_places(struct fsck *fsck)
{
    fsck_each(fsck, LAYOUT_BLOBS, visit_algorithm, NULL);
}

/* --- what they hold --- */

struct bad_blob {
    const struct stat *st;
    char path[sizeof(struct layout_path)];
};

/* The file that was read still has the name: nobody has pushed it again or removed it. */
static bool is_same_file(struct fsck *fsck, const struct fsck_suspicion *suspicion)
{
    const struct bad_blob *bad = suspicion->context;
    struct stat st;

    return fs_stat(&fsck->store->fs, bad->path, &st, NULL) > 0 && st.st_ino == bad->st->st_ino &&
           st.st_dev == bad->st->st_dev && st.st_size == bad->st->st_size &&
           st.st_mtim.tv_sec == bad->st->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == bad->st->st_mtim.tv_nsec;
}

/* The note comes first: a run that is cut short between the two finds the blob again. */
static int note_lost(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                     struct err *err)
{
    if (quarantine_note_lost(fsck->store, suspicion->digest, err) < 0)
        return -1;
    fsck->summary.lost++;
    buf_addstr(what, "push it again");
    return 0;
}

void fsck_bad_blob(struct fsck *fsck, enum fsck_code code, const struct digest *digest,
                   const struct stat *st, const char *text)
{
    struct layout_path path;
    struct bad_blob bad = {.st = st};
    struct fsck_suspicion suspicion = {
        .code = code,
        .path = layout_blob(&path, digest),
        .digest = digest,
        .text = text,
        .holds = is_same_file,
        .mend = note_lost,
        .remove_blob = is_same_file,
        .context = &bad,
    };

    memcpy(bad.path, path.s, sizeof bad.path);
    if (fsck_suspect(fsck, &suspicion) == FSCK_FAULTY)
        digest_map_put(&fsck->reported, digest);
}

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

    if (hash->found < 0 && !fsck_is_obscured(fsck, layout_blob(&path, &hash->digest)))
        fsck_unreadable(fsck, path.s, &hash->err);
    if (hash->found > 0) {
        fsck->summary.blobs++;
        fsck->summary.hashed++;
        fsck->summary.hashed_bytes += hash->st.st_size;
    }
    if (bad && !digest_map_get(&fsck->reported, &hash->digest))
        fsck_bad_blob(fsck, FSCK_BLOB_DIGEST, &hash->digest, &hash->st,
                      hash->st.st_size ? "its content has another digest" : "is empty");
    fsck_state_done(&pass->state, &hash->digest, hash->found > 0 ? hash->st.st_size : 0, bad);
    if (!pass->failed && fsck_state_save(&pass->state, false, pass->err) < 0)
        pass->failed = true;
}

/* Without hashing only what cannot be right is hashed: the digest of nothing is known. */
static void take_blob(struct fsck *fsck, struct blob_pass *pass, const struct digest *digest)
{
    int64_t size;

    if (pass->state.has_at && strcmp(digest->s, pass->state.at.s) <= 0 &&
        digest->algorithm == pass->state.at.algorithm)
        return;
    if (fsck->options.fast && blob_stat(fsck->store, digest, &size, NULL) > 0 && size > 0) {
        fsck->summary.blobs++;
        return;
    }
    fsck_hasher_put(pass->hasher, digest);
}

static void take_shard(struct fsck *fsck, struct blob_pass *pass, enum digest_algorithm algorithm,
                       const char *dir)
{
    AUTO_STRINGS names = {0};
    struct layout_path path;
    struct digest digest;

    dir_list(&fsck->store->fs, dir, &names, NULL);
    for (size_t i = 0; i < names.n && !fsck_stopped(fsck) && !pass->failed; i++)
        if (digest_from_hex(&digest, algorithm, names.v[i], NULL) == 0 &&
            fsck_type_of(fsck, layout_blob(&path, &digest)) == FSCK_FILE)
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
        for (int shard = 0; shard < 256 && !fsck_stopped(fsck) && !pass->failed; shard++) {
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
        if (hash.found > 0 && !hash.stopped && !digest_equal(&hash.actual, &hash.digest) &&
            !digest_map_get(&fsck->reported, &hash.digest))
            fsck_bad_blob(fsck, FSCK_BLOB_DIGEST, &hash.digest, &hash.st,
                          "its content has another digest");
    }
}

int fsck_blobs(struct fsck *fsck, struct err *err)
{
    struct blob_pass pass = {.err = err};

    if (fsck_state_open(fsck, &pass.state, err) < 0)
        return -1;
    fsck->summary.skipped = pass.state.blobs;
    fsck->summary.blobs += pass.state.blobs;
    take_damaged(fsck, &pass);
    pass.hasher = fsck_hasher_start(fsck, hashed, &pass);
    take_all(fsck, &pass);
    fsck_hasher_end(pass.hasher);
    bool complete = !pass.failed && !fsck_stopped(fsck);
    if (fsck_state_close(&pass.state, complete, pass.failed ? NULL : err) < 0)
        pass.failed = true;
    return pass.failed ? -1 : 0;
}
