/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: tags. */
#include "fsck/fsck_tag.h"

#include "base/dir.h"
#include "fsck/fsck_link.h"
#include "fsck/fsck_manifest.h"
#include "fsck/fsck_names.h"
#include "fsck/fsck_read.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/tag.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LINK_SIZE_MAX ((size_t)64 << 10)

struct tag_context {
    const struct name *name;
    struct tag tag;
    struct digest digest; /* what it points at, where that can be read */
    bool replaced;        /* what stood in place of the link is gone */
};

/* What current/link holds: 1: exactly a digest, 0: it can't be used as it is. *digest is set too if
 * there is only white space around it. -1: unreadable. */
static int read_current(struct fsck *fsck, const struct tag_context *tag, struct digest *digest)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;
    struct err err;

    digest->s[0] = '\0';
    layout_tag_current(&path, tag->name, &tag->tag);
    int found = fs_read(&fsck->store->fs, path.s, LINK_SIZE_MAX, &text, &err);
    if (found < 0) {
        fsck_suspect_unreadable(fsck, path.s, &err);
        return -1;
    }
    if (found == 0 || text.len == 0)
        return 0;
    if (digest_parse(digest, text.s, text.len, &err) == 0)
        return 1;
    size_t from = 0, to = text.len;
    while (from < to && isspace((unsigned char)text.s[from]))
        from++;
    while (to > from && isspace((unsigned char)text.s[to - 1]))
        to--;
    if (digest_parse(digest, text.s + from, to - from, &err) < 0)
        digest->s[0] = '\0';
    return 0;
}

/* --- a link that is damaged --- */

struct newest {
    struct fsck *fsck;
    const struct tag_context *tag;
    enum digest_algorithm algorithm;
    struct timespec mtime;
    struct digest digest;
    bool found, failed;
    struct err *err;
};

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static bool compare_index(void *context, const char *hex)
{
    struct newest *newest = context;
    struct layout_path path;
    struct digest digest;
    struct stat st;
    const struct store *store = newest->fsck->store;
    const struct name *name = newest->tag->name;

    if (digest_from_hex(&digest, newest->algorithm, hex, NULL) < 0)
        return false;
    layout_tag_index(&path, name, &newest->tag->tag, &digest);
    int found = fs_stat(&store->fs, path.s, &st, newest->err);
    if (found > 0)
        found = repo_has_revision(store, name, &digest, newest->err);
    newest->failed = found < 0;
    if (found <= 0 || (newest->found && !is_newer(&st.st_mtim, &newest->mtime)))
        return newest->failed;
    newest->found = true;
    newest->mtime = st.st_mtim;
    newest->digest = digest;
    return false;
}

/* Each time that a tag is set its index is written first, so the newest entry there is what it
 * points at. */
static int find_newest(struct fsck *fsck, const struct tag_context *tag, struct digest *digest,
                       struct err *err)
{
    struct newest newest = {.fsck = fsck, .tag = tag, .err = err};

    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        struct layout_path path;
        AUTO_BUF dir = BUF_INIT;
        newest.algorithm = (enum digest_algorithm)i;
        layout_tag(&path, tag->name, &tag->tag);
        buf_addf(&dir, "%s/index/%s", path.s, digest_algorithm_name(newest.algorithm));
        if (dir_each(&fsck->store->fs, dir.s, compare_index, &newest, err) < 0 || newest.failed)
            return -1;
    }
    *digest = newest.digest;
    return newest.found;
}

static bool is_damaged(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct tag_context *tag = suspicion->context;
    struct digest digest;

    /* Read once more while it is there, since it may be a new one. */
    return read_current(fsck, tag, &digest) == 0 &&
           (tag->replaced || fsck_look_link(fsck, suspicion->path)) &&
           read_current(fsck, tag, &digest) == 0;
}

static int mend_current(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                        struct err *err)
{
    struct tag_context *tag = suspicion->context;
    AUTO_DIRTY dirty = {0};
    struct layout_path path;
    struct digest digest;

    if (read_current(fsck, tag, &digest) < 0)
        return err_set(err, ERR_IO, "it cannot be read");
    bool written = digest.s[0] != '\0';
    int found = written ? 1 : find_newest(fsck, tag, &digest, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        struct fsck_suspect whole = {.path = layout_tag(&path, tag->name, &tag->tag)};
        return fsck_suspect_move(fsck, &whole, what, err);
    }
    if (repo_touch_revision(fsck->store, tag->name, &digest, err) < 0 || /* as tag_set asks for */
        tag_set(fsck->store, tag->name, &tag->tag, &digest, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    tag->digest = digest;
    buf_addf(what, "set to %s%s", digest.s, written ? "" : ", the newest in its history");
    return 0;
}

/* --- what it points at --- */

static bool still_points(struct fsck *fsck, const struct tag_context *tag)
{
    struct digest digest;

    return read_current(fsck, tag, &digest) > 0 && digest_equal(&digest, &tag->digest);
}

static bool lacks_index(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct tag_context *tag = suspicion->context;
    struct layout_path path;

    layout_tag_index(&path, tag->name, &tag->tag, &tag->digest);
    return fsck_look_type(fsck, path.s) == FSCK_ABSENT && !fsck_look_obscured(fsck, path.s) &&
           still_points(fsck, tag);
}

static int add_index(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                     struct err *err)
{
    const struct tag_context *tag = suspicion->context;
    AUTO_DIRTY dirty = {0};

    if (tag_add_index(fsck->store, tag->name, &tag->tag, &tag->digest, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "added");
    return 0;
}

static bool points_at_nothing(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct tag_context *tag = suspicion->context;
    struct layout_path path;

    layout_revision(&path, tag->name, &tag->digest);
    bool revision = fsck_look_type(fsck, path.s) != FSCK_ABSENT || fsck_look_obscured(fsck, path.s);
    layout_blob(&path, &tag->digest);
    return !revision && fsck_look_type(fsck, path.s) == FSCK_ABSENT &&
           !fsck_look_obscured(fsck, path.s) && still_points(fsck, tag);
}

static bool lacks_revision(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct tag_context *tag = suspicion->context;
    struct layout_path path;

    layout_revision(&path, tag->name, &tag->digest);
    return fsck_look_type(fsck, path.s) == FSCK_ABSENT && !fsck_look_obscured(fsck, path.s) &&
           still_points(fsck, tag);
}

/* The tag's manifest has no link among the revisions; with one, that is checked by itself. */
static void check_target(struct fsck *fsck, struct tag_context *tag, const char *path)
{
    struct manifest manifest;
    int64_t size;
    struct fsck_suspect suspicion = {
        .path = path, .name = tag->name, .digest = &tag->digest, .context = tag};

    enum fsck_content content = fsck_read_manifest(fsck, &tag->digest, &manifest, &size);
    if (content == FSCK_CONTENT_SOUND) {
        manifest_free(&manifest);
        suspicion.code = FSCK_REVISION_MISSING;
        suspicion.text = "its manifest is there, but not linked to the repository";
        suspicion.holds = lacks_revision;
        suspicion.mend = fsck_names_link;
    } else if (content == FSCK_CONTENT_MISSING) {
        suspicion.code = FSCK_TAG_DANGLING;
        suspicion.text = "points at a manifest that is not there";
        suspicion.holds = points_at_nothing;
        suspicion.mend = fsck_names_take;
    } else if (content == FSCK_CONTENT_NO_MANIFEST) {
        suspicion.code = FSCK_MANIFEST_INVALID;
        suspicion.text = "points at what is no manifest";
        suspicion.holds = lacks_revision;
    } else {
        if (content == FSCK_CONTENT_DAMAGED)
            fsck_manifest_damaged(fsck, tag->name, &tag->digest);
        return;
    }
    if (!digest_map_get(&fsck->reported, &tag->digest))
        fsck_suspect_settle(fsck, &suspicion);
}

static void check_current(struct fsck *fsck, struct tag_context *tag, const char *path)
{
    struct layout_path revision, index;
    struct fsck_suspect damaged = {
        .code = FSCK_TAG_DAMAGED,
        .path = path,
        .name = tag->name,
        .text = "does not hold exactly a digest",
        .holds = is_damaged,
        .mend = mend_current,
        .context = tag,
    };
    struct fsck_suspect unlisted = {
        .code = FSCK_TAG_INDEX,
        .path = index.s,
        .name = tag->name,
        .digest = &tag->digest,
        .text = "is missing, though the tag points at it",
        .holds = lacks_index,
        .mend = add_index,
        .context = tag,
    };

    int exact = read_current(fsck, tag, &tag->digest);
    if (exact < 0 || (exact == 0 && (!is_damaged(fsck, &damaged) ||
                                     fsck_suspect_settle(fsck, &damaged) != FSCK_MENDED)))
        return;
    if (!tag->digest.s[0])
        return;
    layout_tag_index(&index, tag->name, &tag->tag, &tag->digest);
    if (lacks_index(fsck, &unlisted))
        fsck_suspect_settle(fsck, &unlisted);
    if (!fsck_look_link(fsck, layout_revision(&revision, tag->name, &tag->digest)))
        check_target(fsck, tag, path);
}

/* --- directories --- */

static void visit_current(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    if (strcmp(entry->name, "link") != 0)
        fsck_tree_foreign(fsck, context, entry, FSCK_FOREIGN_FILE);
}

static void visit_tag_part(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct tag_context *tag = context;
    struct name name = *tag->name;

    if (strcmp(entry->name, "current") != 0 && strcmp(entry->name, "index") != 0)
        fsck_tree_foreign(fsck, tag->name, entry, FSCK_FOREIGN_FILE);
    else if (fsck_tree_expect(fsck, tag->name, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    else if (!strcmp(entry->name, "index"))
        fsck_tree_each_digest(fsck, tag->name, entry->path, fsck_link_check, NULL);
    else
        fsck_tree_each(fsck, entry->path, visit_current, &name);
}

/* A tag without current/link is one that was being made when a program ended. If something else
 * stands in the place of that, it was one. */
static void visit_tag(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    struct tag_context tag = {.name = context};
    struct layout_path path;

    fsck_run_step(fsck, "tags");
    if (tag_parse(&tag.tag, entry->name, strlen(entry->name), NULL) < 0 ||
        entry->type == FSCK_FILE) {
        fsck_tree_foreign(fsck, tag.name, entry, FSCK_TAG_NAME);
        return;
    }
    if (fsck_tree_expect(fsck, tag.name, entry, FSCK_DIRECTORY) != FSCK_SOUND)
        return;
    layout_tag_current(&path, tag.name, &tag.tag);
    bool obscured = fsck_look_obscured(fsck, path.s);
    bool was_there = obscured || fsck_look_link(fsck, path.s);
    fsck_tree_each(fsck, entry->path, visit_tag_part, &tag);
    enum fsck_verdict verdict = fsck_tree_expect_path(fsck, tag.name, path.s, FSCK_FILE);
    tag.replaced = obscured && fsck_look_type(fsck, path.s) == FSCK_ABSENT &&
                   fsck->options.repair && fsck_look_type(fsck, entry->path) == FSCK_DIRECTORY;
    if (was_there && verdict != FSCK_FAULTY && !fsck_look_obscured(fsck, path.s))
        check_current(fsck, &tag, path.s);
}

void fsck_tag_check_all(struct fsck *fsck, const struct name *name)
{
    struct layout_path path;
    struct name owner = *name;

    layout_tags(&path, name);
    if (fsck_tree_expect_path(fsck, name, path.s, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each(fsck, path.s, visit_tag, &owner);
}
