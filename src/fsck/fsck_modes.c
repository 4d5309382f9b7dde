/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: permissions and owners of all files and directories. Root may do this, since nothing is
 * made, and nothing behind a link is touched. */
#include "fsck/fsck_modes.h"

#include "fsck/fsck_tree.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Deeper than any repository's name has components. */
#define DEPTH_MAX 300

struct file_context {
    uid_t uid;
    gid_t gid;
    int depth;
};

static mode_t wanted_mode(struct fsck *fsck, const char *path, const struct stat *st)
{
    const struct fs_root *fs = &fsck->store->fs;

    return (S_ISDIR(st->st_mode) ? fs_dir_mode(fs, path) : fs_file_mode(fs, path)) & 0777;
}

/* What it should have and lacks. */
static mode_t lacking(struct fsck *fsck, const char *path, const struct stat *st)
{
    return wanted_mode(fsck, path, st) & ~st->st_mode;
}

/* Another group is no harm where everybody may do what the group should. */
static bool is_foreign(struct fsck *fsck, const struct file_context *owner, const char *path,
                       const struct stat *st)
{
    mode_t group = wanted_mode(fsck, path, st) >> 3 & 07;

    return st->st_uid != owner->uid || (st->st_gid != owner->gid && (group & ~st->st_mode) != 0);
}

static bool look(struct fsck *fsck, const struct fsck_suspect *suspicion, struct stat *st)
{
    return fsck_look_stat(fsck, suspicion->path, st) > 0 &&
           (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

static bool has_wrong_mode(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct stat st;

    return look(fsck, suspicion, &st) && lacking(fsck, suspicion->path, &st) != 0;
}

static bool has_wrong_owner(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct stat st;

    return look(fsck, suspicion, &st) && is_foreign(fsck, suspicion->context, suspicion->path, &st);
}

static int mend_mode(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                     struct err *err)
{
    struct stat st;

    if (!look(fsck, suspicion, &st))
        return err_set(err, ERR_IO, "%s is gone", suspicion->path);
    mode_t mode = (st.st_mode & 07777) | lacking(fsck, suspicion->path, &st);
    int done = fs_set_mode(&fsck->store->fs, suspicion->path, mode, err);
    if (done <= 0)
        return done < 0 ? -1 : err_set(err, ERR_IO, "%s is gone", suspicion->path);
    buf_addf(what, "now %04o", (unsigned)mode);
    return 0;
}

static int mend_owner(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                      struct err *err)
{
    const struct file_context *owner = suspicion->context;
    struct stat st;

    /* A second name of a file may be outside of the store, where it is somebody else's. */
    if (look(fsck, suspicion, &st) && S_ISREG(st.st_mode) && st.st_nlink > 1)
        return err_set(err, ERR_IO, "it has another name, see find -samefile");
    int done = fs_set_owner(&fsck->store->fs, suspicion->path, owner->uid, owner->gid, err);
    if (done <= 0)
        return done < 0 ? -1 : err_set(err, ERR_IO, "%s is gone", suspicion->path);
    buf_addf(what, "given to %ju:%ju", (uintmax_t)owner->uid, (uintmax_t)owner->gid);
    return 0;
}

/* slow: a new file gets its mode a moment after its name. */
static void check_file(struct fsck *fsck, struct file_context *owner, const char *path)
{
    char mode_text[80], owner_text[100];
    struct stat st;
    struct fsck_suspect mode = {
        .code = FSCK_FILE_MODE,
        .path = path,
        .text = mode_text,
        .holds = has_wrong_mode,
        .mend = mend_mode,
        .unlocked = true,
        .slow = true,
    };
    struct fsck_suspect foreign = {
        .code = FSCK_FILE_OWNER,
        .path = path,
        .text = owner_text,
        .holds = has_wrong_owner,
        .mend = mend_owner,
        .unlocked = true,
        .slow = true,
        .context = owner,
    };

    if (!look(fsck, &mode, &st))
        return;
    snprintf(mode_text, sizeof mode_text, "has mode %04o, which lacks %04o",
             (unsigned)st.st_mode & 07777, (unsigned)lacking(fsck, path, &st));
    snprintf(owner_text, sizeof owner_text, "belongs to %ju:%ju, not to %ju:%ju as the store",
             (uintmax_t)st.st_uid, (uintmax_t)st.st_gid, (uintmax_t)owner->uid,
             (uintmax_t)owner->gid);
    if (is_foreign(fsck, owner, path, &st))
        fsck_suspect_settle(fsck, &foreign);
    if (lacking(fsck, path, &st))
        fsck_suspect_settle(fsck, &mode);
}

/* What comes and goes, or has been put aside, is as it is. */
static bool is_passed_over(const char *path)
{
    return !strcmp(path, LAYOUT_TMP) || !strcmp(path, LAYOUT_SPOOL) ||
           !strcmp(path, LAYOUT_QUARANTINE);
}

static void visit(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct file_context *owner = context;

    fsck_run_step(fsck, "files");
    if (entry->type != FSCK_FILE && entry->type != FSCK_DIRECTORY)
        return;
    check_file(fsck, owner, entry->path);
    if (entry->type == FSCK_DIRECTORY && !is_passed_over(entry->path) && owner->depth < DEPTH_MAX) {
        owner->depth++;
        fsck_tree_each(fsck, entry->path, visit, owner);
        owner->depth--;
    }
}

void fsck_modes_check(struct fsck *fsck)
{
    static const char *const tops[] = {LAYOUT_BLOBS, LAYOUT_REPOSITORIES, LAYOUT_OWN};
    struct stat st;

    if (fsck_look_stat(fsck, ".", &st) <= 0)
        return;
    struct file_context owner = {st.st_uid, st.st_gid, 0};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        struct fsck_entry entry = {tops[i], tops[i], fsck_look_type(fsck, tops[i])};
        visit(fsck, &owner, &entry);
    }
}
