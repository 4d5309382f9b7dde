/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: whether blobs lie where they belong. */
#include "fsck/fsck_place.h"

#include "base/dir.h"
#include "fsck/fsck_hash.h"
#include "fsck/fsck_tree.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>

struct place {
    enum digest_algorithm algorithm;
    const char *shard; /* two digits */
    bool shard_valid;
};

struct misplaced {
    struct digest digest;
    bool is_sound; /* its content has the digest that it is named after */
};

static bool still_there(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    return fsck_look_type(fsck, suspicion->path) == FSCK_DIRECTORY;
}

/* Sound content goes where it belongs, if it is not there already. */
static int put_right(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                     struct err *err)
{
    const struct misplaced *blob = suspicion->context;
    struct layout_path from, to;
    AUTO_DIRTY dirty = {0};
    struct stat st;

    layout_blob(&to, &blob->digest);
    int there = fs_stat(&fsck->store->fs, to.s, &st, err);
    if (there < 0)
        return -1;
    if (!blob->is_sound || there)
        return fsck_suspect_move(fsck, suspicion, what, err);
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
    struct fsck_suspect suspicion = {
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
        if (fsck_run_saw(fsck, data, hash.found, &hash.err) < 0 || hash.stopped)
            suspicion.mend = NULL; /* perhaps it is sound */
        blob.is_sound = hash.found > 0 && digest_equal(&hash.actual, &hash.digest);
    }
    if (fsck_suspect_settle(fsck, &suspicion) == FSCK_FAULTY && suspicion.digest)
        digest_map_put(&fsck->reported, suspicion.digest);
}

static void visit_blob_part(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    (void)context;
    if (!strcmp(entry->name, "data"))
        fsck_tree_expect(fsck, NULL, entry, FSCK_FILE);
    else
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
}

static void visit_blob(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    const struct place *place = context;
    struct layout_path data;
    struct digest digest;
    struct stat st;

    fsck_run_step(fsck, "blobs");
    if (entry->type == FSCK_FILE) {
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
        return;
    }
    if (fsck_tree_expect(fsck, NULL, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    if (!place->shard_valid || digest_from_hex(&digest, place->algorithm, entry->name, NULL) < 0 ||
        strncmp(entry->name, place->shard, 2) != 0) {
        report_place(fsck, place, entry);
        return;
    }
    fsck_tree_each(fsck, entry->path, visit_blob_part, NULL);
    if (fsck_look_stat(fsck, layout_blob(&data, &digest), &st) > 0 && S_ISREG(st.st_mode)) {
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
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
    else if (fsck_tree_expect(fsck, NULL, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    else
        fsck_tree_each(fsck, entry->path, visit_blob, place);
}

static void visit_algorithm(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct place place = {.algorithm = DIGEST_SHA256};

    (void)context;
    if (entry->type == FSCK_FILE ||
        (digest_algorithm_parse(&place.algorithm, entry->name, NULL) < 0 &&
         strcmp(entry->name, "sha384") != 0))
        fsck_tree_foreign(fsck, NULL, entry, FSCK_FOREIGN_FILE);
    else if (strcmp(entry->name, "sha384") != 0 &&
             fsck_tree_expect(fsck, NULL, entry, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each(fsck, entry->path, visit_shard, &place);
}

void fsck_place_check(struct fsck *fsck)
{
    fsck_tree_each(fsck, LAYOUT_BLOBS, visit_algorithm, NULL);
}
