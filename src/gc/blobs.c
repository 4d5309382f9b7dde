/* SPDX-License-Identifier: Apache-2.0
 * L3: the collector's sweep of blobs, and of _berth/tmp. */
#include "gc/blobs.h"

#include "base/dir.h"
#include "base/fs_lock.h"
#include "base/litter.h"
#include "store/holder.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Freeing a file as large takes a file system long. */
#define LARGE ((int64_t)1 << 20)

struct shard {
    struct pass *pass;
    enum digest_algorithm algorithm;
    struct fs_root dir;
    struct strings candidates; /* hex */
    struct strings waiting;    /* of those that stay */
    int64_t kept;
};

/* Its size is worth a look: who watches over the store wants to know how much it holds. */
static void count_kept(struct shard *shard, const char *hex)
{
    char name[DIGEST_HEX_MAX + sizeof "/" LAYOUT_DATA];
    struct stat st;

    shard->kept++;
    snprintf(name, sizeof name, "%s/" LAYOUT_DATA, hex);
    if (dir_peek(shard->dir.fd, name, &st, NULL) > 0)
        shard->pass->totals->stored += st.st_size;
}

static bool visit_blob(void *context, const char *hex)
{
    struct shard *shard = context;
    struct digest digest;

    if (digest_from_hex(&digest, shard->algorithm, hex, NULL) < 0)
        return false;
    if (digest_map_get(&shard->pass->marked, &digest))
        count_kept(shard, hex);
    else if (digest_map_get(&shard->pass->waiting, &digest))
        strings_add(&shard->waiting, hex);
    else
        strings_add(&shard->candidates, hex);
    return false;
}

/* A directory without data is what a crash left. */
static int remove_empty(struct shard *shard, const struct layout_path *dir, struct err *err)
{
    struct pass *pass = shard->pass;
    AUTO_DIRTY dirty = {0};
    struct stat st;

    int found = fs_stat(&pass->store->fs, dir->s, &st, err);
    if (found <= 0 || !pass_is_old(pass, &st, pass->options->grace) || pass->options->dry_run)
        return found < 0 ? -1 : 0;
    return hold_take(&pass->hold, err) < 0 || dir_remove(&pass->store->fs, dir->s, &dirty, err) < 0
               ? -1
               : 0;
}

/* Freeing a large one is not done under the lock. */
static int remove_large(struct shard *shard, const struct layout_path *dir,
                        const struct layout_path *data, struct hold_doomed *blob, struct err *err)
{
    struct pass *pass = shard->pass;

    if (!pass->options->dry_run && hold_take(&pass->hold, err) < 0)
        return -1;
    int found = fs_stat(&pass->store->fs, data->s, &blob->st, err);
    if (found <= 0 || !pass_is_old(pass, &blob->st, pass->options->grace))
        return found < 0 ? -1 : 0;
    AUTO_DIRTY unneeded = {0}; /* a blob that comes back is found by the next pass */
    return pass->options->dry_run ? 1 : hold_remove_tree(&pass->hold, dir->s, &unneeded, err);
}

/* Its time is that of the manifest or link for which it waits. */
static int count_waiting(struct shard *shard, const char *hex, struct err *err)
{
    char name[DIGEST_HEX_MAX + sizeof "/" LAYOUT_DATA];
    struct stat st;

    snprintf(name, sizeof name, "%s/" LAYOUT_DATA, hex);
    int found = dir_peek(shard->dir.fd, name, &st, err);
    if (found <= 0)
        return found;
    shard->kept++;
    shard->pass->totals->waiting.blobs++;
    shard->pass->totals->waiting.bytes += st.st_size;
    shard->pass->totals->stored += st.st_size;
    return 0;
}

/* One that is young, and nobody's: of an upload, or of what was just removed. */
static void wait_for_grace(struct shard *shard, const struct stat *st)
{
    struct pass *pass = shard->pass;

    shard->kept++;
    pass->totals->stored += st->st_size;
    if (pass_is_old(pass, st, pass->options->grace))
        return;
    pass->totals->waiting.blobs++;
    pass->totals->waiting.bytes += st->st_size;
    pass_waits(pass, fs_mtime(st), pass->options->grace);
}

/* What goes is looked at again under the lock. */
static int sweep_blob(struct shard *shard, const char *hex, struct err *err)
{
    struct pass *pass = shard->pass;
    struct hold_doomed blob = {.before = pass_before(pass, pass->options->grace)};
    struct layout_path dir, data;
    char name[DIGEST_HEX_MAX + sizeof "/" LAYOUT_DATA];
    struct digest digest;
    struct stat st;

    if (digest_from_hex(&digest, shard->algorithm, hex, err) < 0)
        return -1;
    struct gc_item item = {GC_BLOB, NULL, digest.s, 0, 0};
    layout_blob_dir(&dir, &digest);
    layout_blob(&data, &digest);
    snprintf(name, sizeof name, "%s/" LAYOUT_DATA, hex);
    int found = dir_peek(shard->dir.fd, name, &st, err);
    if (found <= 0)
        return found < 0 ? -1 : remove_empty(shard, &dir, err);
    if (hold_sync_names(&pass->hold, err) < 0)
        return -1;
    int gone = st.st_size >= LARGE
                   ? remove_large(shard, &dir, &data, &blob, err)
                   : hold_remove_lone(&pass->hold, &shard->dir, hex, LAYOUT_DATA, &blob, err);
    if (gone == 0)
        wait_for_grace(shard, &st);
    if (gone <= 0)
        return gone;
    item.bytes = blob.st.st_size;
    item.age = pass_age(pass, fs_mtime(&blob.st));
    pass->totals->blobs.removed++;
    pass->totals->bytes += item.bytes;
    pass_removes(pass, &item);
    return 0;
}

static int sweep_shard(struct shard *shard, struct err *err)
{
    struct pass *pass = shard->pass;

    int result = dir_each(&shard->dir, ".", visit_blob, shard, err) < 0 ? -1 : 0;
    strings_sort(&shard->candidates);
    for (size_t i = 0; i < shard->candidates.n && result == 0; i++)
        result = sweep_blob(shard, shard->candidates.v[i], err);
    for (size_t i = 0; i < shard->waiting.n && result == 0; i++)
        result = count_waiting(shard, shard->waiting.v[i], err);
    strings_free(&shard->candidates);
    strings_free(&shard->waiting);
    pass->totals->blobs.kept += shard->kept;
    return hold_end(&pass->hold, result < 0 ? NULL : err) < 0 ? -1 : result;
}

static bool is_marked(void *context, const struct digest_key *key)
{
    const struct pass *pass = context;

    return digest_map_get_key(&pass->marked, key) || digest_map_get_key(&pass->waiting, key);
}

/* What is linked meanwhile is noted again when it is linked next, or pushed instead of mounted. */
static int prune_holders(struct pass *pass, struct err *err)
{
    for (int i = 0; i < HOLDER_SHARDS; i++)
        if (hold_take(&pass->hold, err) < 0 ||
            holder_prune(pass->store, i, is_marked, pass, err) < 0)
            return -1;
    return hold_end(&pass->hold, err);
}

int blobs_sweep(struct pass *pass, struct err *err)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        AUTO_STRINGS shards = {0};
        struct layout_path top;
        enum digest_algorithm algorithm = (enum digest_algorithm)i;
        layout_blobs(&top, algorithm);
        if (dir_list(&pass->store->fs, top.s, &shards, err) < 0)
            return -1;
        for (size_t k = 0; k < shards.n; k++) {
            AUTO_BUF dir = BUF_INIT;
            if (litter_is(shards.v[k], true))
                continue;
            buf_addf(&dir, "%s/%s", top.s, shards.v[k]);
            struct shard shard = {.pass = pass, .algorithm = algorithm};
            progress_at(pass->options->progress, "sweeping", (int64_t)k, (int64_t)shards.n);
            int result = hold_open_dir(&pass->hold, dir.s, &shard.dir, err);
            if (result > 0) {
                result = sweep_shard(&shard, err);
                fs_root_close(&shard.dir);
            }
            if (result < 0)
                return -1;
        }
    }
    if (pass->options->dry_run || pass->totals->blobs.removed == 0)
        return 0;
    return prune_holders(pass, err);
}

/* By an upload of one request, however slow its client is. */
static bool is_in_use(const struct fs_root *fs, const char *path, const struct stat *st)
{
    AUTO_LOCKED_FD fd = -1;

    return S_ISREG(st->st_mode) && fs_open(fs, path, O_RDWR, &fd, NULL) > 0 &&
           fs_lock_try(fd, FS_LOCK_EXCLUSIVE, NULL) == 0;
}

/* What a process left that was killed. It is nobody's, or somebody is taking it apart. */
int blobs_sweep_litter(struct pass *pass, struct err *err)
{
    const struct fs_root *fs = &pass->store->fs;
    AUTO_STRINGS names = {0};

    if (dir_list(fs, LAYOUT_TMP, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        struct gc_item item = {GC_LITTER, NULL, NULL, 0, 0};
        AUTO_BUF path = BUF_INIT;
        AUTO_DIRTY dirty = {0};
        struct stat st;
        buf_addf(&path, LAYOUT_TMP "/%s", names.v[i]);
        int found = litter_is(names.v[i], true) ? 0 : fs_stat(fs, path.s, &st, err);
        if (found > 0 &&
            (!pass_is_old(pass, &st, pass->options->grace) || is_in_use(fs, path.s, &st)))
            continue;
        if (found > 0 && !pass->options->dry_run)
            found = S_ISDIR(st.st_mode) ? dir_remove_tree(fs, path.s, err)
                                        : fs_unlink(fs, path.s, &dirty, err);
        if (found < 0)
            return -1;
        if (found == 0)
            continue;
        item.what = path.s;
        item.bytes = S_ISREG(st.st_mode) ? st.st_size : 0;
        item.age = pass_age(pass, fs_mtime(&st));
        pass->totals->bytes += item.bytes;
        pass_removes(pass, &item);
    }
    return 0;
}
