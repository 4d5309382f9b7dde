/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: a blob that is not what it should be. */
#include "fsck/fsck_blob.h"

#include "fsck/fsck_look.h"
#include "fsck/fsck_suspect.h"
#include "store/layout.h"

#include <string.h>

struct bad_blob {
    const struct stat *st;
    char path[sizeof(struct layout_path)];
};

/* The file that was read still has the name: nobody has pushed it again or removed it. */
static bool is_same_file(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct bad_blob *bad = suspicion->context;
    struct stat st;

    return fsck_look_stat(fsck, bad->path, &st) > 0 && st.st_ino == bad->st->st_ino &&
           st.st_dev == bad->st->st_dev && st.st_size == bad->st->st_size &&
           st.st_mtim.tv_sec == bad->st->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == bad->st->st_mtim.tv_nsec;
}

/* The note comes first: a run that is cut short between the two finds the blob again. */
static int note_lost(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                     struct err *err)
{
    if (quarantine_note_lost(fsck->store, suspicion->digest, err) < 0)
        return -1;
    fsck->summary.lost++;
    buf_addstr(what, "push it again");
    return 0;
}

void fsck_blob_bad(struct fsck *fsck, enum fsck_code code, const struct digest *digest,
                   const struct stat *st, const char *text)
{
    struct layout_path path;
    struct bad_blob bad = {.st = st};
    struct fsck_suspect suspicion = {
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
    if (fsck_suspect_settle(fsck, &suspicion) == FSCK_FAULTY)
        digest_map_put(&fsck->reported, digest);
}
