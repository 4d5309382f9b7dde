/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: berth's own directory in the store. */
#include "fsck/fsck_own.h"

#include "base/decimal.h"
#include "base/dir.h"
#include "fsck/fsck_tree.h"
#include "store/layout.h"

#include <string.h>

#define VERSION_SIZE_MAX 64

static bool is_absent(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    return fsck_look_type(fsck, suspicion->path) == FSCK_ABSENT;
}

static int make_directory(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                          struct err *err)
{
    AUTO_DIRTY dirty = {0};

    if (dir_make(&fsck->store->fs, suspicion->path, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "made");
    return 0;
}

/* slow: someone who opens the store for the first time may be making them. */
static void check_directory(struct fsck *fsck, const char *path)
{
    struct fsck_suspect suspicion = {
        .code = FSCK_OWN_DIRECTORY,
        .path = path,
        .text = "is missing",
        .holds = is_absent,
        .mend = make_directory,
        .unlocked = true,
        .slow = true,
    };

    if (fsck_tree_expect_path(fsck, NULL, path, FSCK_DIRECTORY) != FSCK_FAULTY &&
        is_absent(fsck, &suspicion))
        fsck_suspect_settle(fsck, &suspicion);
}

/* Whether there is a version, which this or a newer berth wrote. */
static bool has_version(struct fsck *fsck)
{
    AUTO_BUF text = BUF_INIT;
    struct err err;
    int64_t number;

    int found = fs_read(&fsck->store->fs, LAYOUT_VERSION, VERSION_SIZE_MAX, &text, &err);
    return fsck_run_saw(fsck, LAYOUT_VERSION, found, &err) > 0 && text.len > 1 &&
           text.s[text.len - 1] == '\n' && decimal_parse(text.s, text.len - 1, &number);
}

static bool lacks_version(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    (void)suspicion;
    return !has_version(fsck);
}

static int make_version(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                        struct err *err)
{
    AUTO_BUF where = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    if (quarantine_move(fsck->store, &fsck->quarantine, suspicion->path, &where, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0 || store_make(fsck->store, err) < 0)
        return -1;
    buf_addstr(what, "made");
    return 0;
}

static void check_version(struct fsck *fsck)
{
    struct fsck_suspect suspicion = {
        .code = FSCK_OWN_VERSION,
        .path = LAYOUT_VERSION,
        .text = "is missing, or holds no version",
        .holds = lacks_version,
        .mend = make_version,
        .unlocked = true,
        .slow = true,
    };

    if (fsck_tree_expect_path(fsck, NULL, LAYOUT_VERSION, FSCK_FILE) != FSCK_FAULTY &&
        !has_version(fsck))
        fsck_suspect_settle(fsck, &suspicion);
}

static void visit_lock(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    (void)context;
    if (strcmp(entry->path, LAYOUT_REPO_LOCKS) != 0)
        fsck_tree_expect(fsck, NULL, entry, FSCK_FILE);
}

int fsck_own_check(struct fsck *fsck, struct err *err)
{
    static const char *const top[] = {LAYOUT_BLOBS, LAYOUT_REPOSITORIES, LAYOUT_OWN};
    static const char *const dirs[] = {LAYOUT_TMP, LAYOUT_LOCKS, LAYOUT_REPO_LOCKS};
    static const char *const optional[] = {LAYOUT_SPOOL,   LAYOUT_QUARANTINE, LAYOUT_LOST,
                                           LAYOUT_HOLDERS, LAYOUT_STORAGE,    LAYOUT_CHECK,
                                           LAYOUT_TYPES,   LAYOUT_FETCH};

    for (size_t i = 0; i < sizeof top / sizeof *top; i++)
        if (fsck_tree_expect_path(fsck, NULL, top[i], FSCK_DIRECTORY) == FSCK_FAULTY &&
            fsck->options.repair)
            return err_set(err, ERR_IO, "%s/%s is no directory: put that right first",
                           fsck->store->path, top[i]);
    fsck->own = fsck_look_type(fsck, LAYOUT_OWN) == FSCK_DIRECTORY;
    for (size_t i = 0; fsck->own && i < sizeof dirs / sizeof *dirs; i++)
        check_directory(fsck, dirs[i]);
    for (size_t i = 0; fsck->own && i < sizeof optional / sizeof *optional; i++)
        fsck_tree_expect_path(fsck, NULL, optional[i], FSCK_DIRECTORY);
    if (fsck->own) {
        check_version(fsck);
        fsck_tree_each(fsck, LAYOUT_LOCKS, visit_lock, NULL);
        fsck_tree_each(fsck, LAYOUT_REPO_LOCKS, visit_lock, NULL);
    }
    if (fsck->options.repair)
        return store_make(fsck->store, err);
    bool damaged = fsck_look_type(fsck, LAYOUT_VERSION) != FSCK_ABSENT && !has_version(fsck);
    return damaged ? 0 : store_check(fsck->store, err);
}
