/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what stands in directories, and what should not. */
#include "fsck/fsck_tree.h"

#include "base/array.h"
#include "base/file.h"
#include "base/litter.h"
#include "store/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void visit_one(struct fsck *fsck, const char *dir, const struct dirent64 *dirent,
                      fsck_visit_fn *visit, void *context)
{
    char path[sizeof(struct layout_path)];
    struct fsck_entry entry = {dirent->d_name, path, FSCK_OTHER};
    struct err err;

    if (!strcmp(dirent->d_name, ".") || !strcmp(dirent->d_name, ".."))
        return;
    int len = snprintf(path, sizeof path, "%s/%s", dir, dirent->d_name);
    if (len < 0 || (size_t)len >= sizeof path) {
        err_set(&err, ERR_IO, "%s is longer than any path of a store", path);
        fsck_suspect_unreadable(fsck, dir, &err);
        return;
    }
    entry.type = dirent->d_type == DT_REG   ? FSCK_FILE
                 : dirent->d_type == DT_DIR ? FSCK_DIRECTORY
                 : dirent->d_type == DT_LNK ? FSCK_SYMLINK_TYPE
                                            : fsck_look_type(fsck, path);
    bool hidden = dirent->d_name[0] == '.' && entry.type == FSCK_FILE;
    if (entry.type != FSCK_ABSENT && !hidden &&
        !litter_is(dirent->d_name, entry.type == FSCK_DIRECTORY))
        visit(fsck, context, &entry);
}

static void visit_open(struct fsck *fsck, int fd, const char *dir, fsck_visit_fn *visit,
                       void *context)
{
    struct dir_read *read = fsck->n_spare ? fsck->spare[--fsck->n_spare] : mem_alloc(sizeof *read);
    const struct dirent64 *dirent;
    struct err err;

    dir_read_start(read, fd);
    while (!fsck_run_stopped(fsck) && (dirent = dir_read_next(read)))
        visit_one(fsck, dir, dirent, visit, context);
    if (read->failed && !fsck_run_stopped(fsck)) {
        err_sys(&err, read->failed, "list %s", dir);
        fsck_suspect_unreadable(fsck, dir, &err);
    }
    *ARRAY_ADD(fsck->spare, fsck->n_spare) = read; /* trees may be too deep for the stack */
}

void fsck_tree_each(struct fsck *fsck, const char *dir, fsck_visit_fn *visit, void *context)
{
    struct err err;
    AUTO_FD fd = -1;

    int found = fs_open(&fsck->store->fs, dir, O_RDONLY | O_DIRECTORY, &fd, &err);
    if (found < 0)
        fsck_suspect_unreadable(fsck, dir, &err);
    if (found > 0)
        visit_open(fsck, fd, dir, visit, context);
}

/* --- what should not be there --- */

static const char *type_name(enum fsck_type type)
{
    return type == FSCK_FILE           ? "a plain file"
           : type == FSCK_DIRECTORY    ? "a directory"
           : type == FSCK_SYMLINK_TYPE ? "a symbolic link"
                                       : "neither a file nor a directory";
}

static bool still_of_type(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const enum fsck_type *type = suspicion->context;

    return fsck_look_type(fsck, suspicion->path) == *type;
}

enum fsck_verdict fsck_tree_expect(struct fsck *fsck, const struct name *name,
                                   const struct fsck_entry *entry, enum fsck_type type)
{
    char text[120];
    enum fsck_type actual = entry->type;
    bool is_top = !strcmp(entry->path, LAYOUT_BLOBS) || !strcmp(entry->path, LAYOUT_REPOSITORIES) ||
                  !strcmp(entry->path, LAYOUT_OWN);
    struct fsck_suspect suspicion = {
        .code = actual == FSCK_SYMLINK_TYPE ? FSCK_SYMLINK : FSCK_FILE_TYPE,
        .path = entry->path,
        .name = name,
        .text = text,
        .holds = still_of_type,
        /* Another program may see the whole store behind a link at its top. */
        .mend = is_top ? NULL : fsck_suspect_move,
        .unlocked = !strncmp(entry->path, LAYOUT_OWN, strlen(LAYOUT_OWN)),
        .context = &actual,
    };

    if (actual == type)
        return FSCK_SOUND;
    snprintf(text, sizeof text, "%s in place of %s", type_name(actual), type_name(type));
    return fsck_suspect_settle(fsck, &suspicion);
}

enum fsck_verdict fsck_tree_expect_path(struct fsck *fsck, const struct name *name,
                                        const char *path, enum fsck_type type)
{
    struct fsck_entry entry = {path, path, FSCK_ABSENT};
    struct stat st;
    struct err err;

    int found = fs_stat(&fsck->store->fs, path, &st, &err);
    if (found < 0)
        fsck_suspect_unreadable(fsck, path, &err);
    if (found <= 0)
        return found < 0 ? FSCK_FAULTY : FSCK_SOUND;
    entry.type = fsck_look_type_by(&st);
    return fsck_tree_expect(fsck, name, &entry, type);
}

static const char *foreign_text(enum fsck_code code, enum fsck_type type)
{
    switch (code) {
    case FSCK_FOREIGN_UNDERSCORE:
        return "a plain file that begins with an underscore: Distribution's collector would take "
               "all content for garbage";
    case FSCK_FOREIGN_DIGEST:
        return "its name should be a digest";
    case FSCK_BLOB_PLACE:
        return "no blob belongs here";
    case FSCK_TAG_NAME:
        return "is no tag, but Distribution lists it as one";
    case FSCK_UPLOAD_NAME:
        return "is no upload session";
    case FSCK_REPOSITORY_NAME:
        return "its name is no repository's, so nothing in it can be pulled";
    default:
        return type == FSCK_FILE ? "a file that belongs to no registry"
                                 : "a directory that belongs to no registry";
    }
}

void fsck_tree_foreign(struct fsck *fsck, const struct name *name, const struct fsck_entry *entry,
                       enum fsck_code code)
{
    enum fsck_type actual = entry->type;
    bool is_link = actual == FSCK_SYMLINK_TYPE;
    struct fsck_suspect suspicion = {
        .code = is_link ? FSCK_SYMLINK : code,
        .path = entry->path,
        .name = name,
        .text = is_link ? "a symbolic link, which is never followed" : foreign_text(code, actual),
        .holds = still_of_type,
        .mend = fsck_suspect_move,
        .context = &actual,
    };

    fsck_suspect_settle(fsck, &suspicion);
}

/* --- directories of digests --- */

struct digests {
    const struct name *name;
    enum digest_algorithm algorithm;
    fsck_digest_fn *visit;
    void *context;
};

static void visit_hex(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    const struct digests *digests = context;
    struct digest digest;

    if (digest_from_hex(&digest, digests->algorithm, entry->name, NULL) < 0)
        fsck_tree_foreign(fsck, digests->name, entry,
                          entry->type == FSCK_DIRECTORY ? FSCK_FOREIGN_DIGEST : FSCK_FOREIGN_FILE);
    else
        digests->visit(fsck, digests->name, &digest, entry, digests->context);
}

/* Distribution knows one algorithm more than berth. */
static bool is_other_algorithm(const char *name)
{
    return !strcmp(name, "sha384");
}

static void visit_algorithm(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct digests *digests = context;

    if (digest_algorithm_parse(&digests->algorithm, entry->name, NULL) < 0) {
        if (entry->type != FSCK_DIRECTORY || !is_other_algorithm(entry->name))
            fsck_tree_foreign(fsck, digests->name, entry, FSCK_FOREIGN_FILE);
    } else if (fsck_tree_expect(fsck, digests->name, entry, FSCK_DIRECTORY) == FSCK_SOUND) {
        fsck_tree_each(fsck, entry->path, visit_hex, digests);
    }
}

void fsck_tree_each_digest(struct fsck *fsck, const struct name *name, const char *dir,
                           fsck_digest_fn *visit, void *context)
{
    struct digests digests = {name, DIGEST_SHA256, visit, context};

    fsck_tree_each(fsck, dir, visit_algorithm, &digests);
}
