/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: the names of manifests. */
#include "fsck/fsck_names.h"

#include "base/dir.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/tag.h"

#include <string.h>

struct taking {
    struct fsck *fsck;
    const struct name *name;
    const struct digest *digest;
    struct buf *what;
    struct dirty *dirty;
    struct err *err;
    bool failed;
};

static bool take_tag(void *context, const char *text)
{
    struct taking *taking = context;
    struct layout_path path;
    struct digest current;
    struct tag tag;
    AUTO_BUF where = BUF_INIT;
    const struct store *store = taking->fsck->store;
    struct err err;

    if (tag_parse(&tag, text, strlen(text), NULL) < 0)
        return false;
    layout_tag(&path, taking->name, &tag);
    int found = tag_get(store, taking->name, &tag, &current, &err);
    if (fsck_run_saw(taking->fsck, path.s, found, &err) <= 0 ||
        !digest_equal(&current, taking->digest))
        return false;
    int moved = quarantine_move(store, &taking->fsck->quarantine, path.s, &where, taking->dirty,
                                taking->err);
    taking->failed = moved < 0;
    if (moved > 0)
        buf_addf(taking->what, "; tag %s moved to %s", tag.s, where.s);
    return taking->failed;
}

/* In this order, a run that is cut short has taken the top away, and the next one finds the rest.
 */
int fsck_names_take(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                    struct err *err)
{
    const struct name *name = suspicion->name;
    const struct digest *digest = suspicion->digest;
    AUTO_DIRTY dirty = {0};
    struct taking taking = {fsck, name, digest, what, &dirty, err, false};
    struct layout_path path;
    AUTO_BUF where = BUF_INIT;

    if (fsck->found_blobs == 0)
        return err_set(err, ERR_IO, "the store has no blob at all: is something not mounted?");
    buf_addstr(what, "push it again");
    if (quarantine_note_lost(fsck->store, digest, err) < 0 ||
        dir_each(&fsck->store->fs, layout_tags(&path, name), take_tag, &taking, err) < 0 ||
        taking.failed || dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    layout_revision(&path, name, digest);
    int moved = quarantine_move(fsck->store, &fsck->quarantine, path.s, &where, &dirty, err);
    if (moved < 0)
        return -1;
    if (moved > 0)
        buf_addf(what, "; revision moved to %s", where.s);
    *strrchr(path.s, '/') = '\0';
    if (dir_remove(&fsck->store->fs, path.s, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    fsck->summary.lost++;
    return 0;
}

int fsck_names_link(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                    struct err *err)
{
    AUTO_DIRTY dirty = {0};

    if (repo_link_revision(fsck->store, suspicion->name, suspicion->digest, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "linked");
    return 0;
}
