/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: links, which say again what their path says. */
#include "fsck/fsck_link.h"

#include "store/layout.h"
#include "store/lock.h"

#include <stdio.h>
#include <string.h>

#define LINK_SIZE_MAX ((size_t)64 << 10)

enum link { LINK_EXACT, LINK_ABSENT, LINK_BLANK, LINK_OTHER, LINK_UNREADABLE };

struct link_context {
    const struct digest *digest;
    const char *path; /* of the link */
};

/* Distribution stores each blob by its sha256, and makes a link from the digest that was asked for
 * to that one. */
static bool is_alias(const struct digest *digest, const struct buf *text)
{
    struct digest target;

    return digest->algorithm != DIGEST_SHA256 &&
           digest_parse(&target, text->s, text->len, NULL) == 0 &&
           target.algorithm == DIGEST_SHA256;
}

static enum link read_link(struct fsck *fsck, const char *path, const struct digest *digest)
{
    AUTO_BUF text = BUF_INIT;
    struct err err;

    int found = fs_read(&fsck->store->fs, path, LINK_SIZE_MAX, &text, &err);
    if (found == 0)
        return LINK_ABSENT;
    if (found < 0) {
        fsck_suspect_unreadable(fsck, path, &err);
        return LINK_UNREADABLE;
    }
    if (text.len == 0)
        return LINK_BLANK;
    if (!strcmp(text.s, digest->s) && text.len == strlen(digest->s))
        return LINK_EXACT;
    return strstr(path, "/" LAYOUT_NAME_LAYERS "/") && is_alias(digest, &text) ? LINK_EXACT
                                                                               : LINK_OTHER;
}

static bool is_wrong(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct link_context *link = suspicion->context;
    enum link now = read_link(fsck, link->path, link->digest);

    return now == LINK_BLANK || now == LINK_OTHER;
}

static int write_link(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                      struct err *err)
{
    const struct link_context *link = suspicion->context;
    AUTO_DIRTY dirty = {0};

    if (store_write_link(fsck->store, link->path, link->digest, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "written as its path says");
    return 0;
}

static void check_content(struct fsck *fsck, const struct name *name, const struct digest *digest,
                          const char *path)
{
    struct link_context link = {digest, path};
    enum link actual = read_link(fsck, path, digest);
    struct fsck_suspect suspicion = {
        .code = actual == LINK_BLANK ? FSCK_LINK_EMPTY : FSCK_LINK_FOREIGN,
        .path = path,
        .name = name,
        .digest = digest,
        .text = actual == LINK_BLANK ? "is empty" : "holds something else than its path says",
        .holds = is_wrong,
        .mend = write_link,
        .context = &link,
    };

    if (actual == LINK_BLANK || actual == LINK_OTHER)
        fsck_suspect_settle(fsck, &suspicion);
}

/* Something in place of the link is out of the way: if its content is there, the link was meant. */
static void replace_link(struct fsck *fsck, const struct name *name, const struct digest *digest,
                         const char *path)
{
    struct link_context link = {digest, path};
    struct fsck_suspect suspicion = {.name = name, .context = &link};
    struct lock gc = {-1}, repo = {-1};
    AUTO_BUF what = BUF_INIT;
    struct err err;

    if (lock_gc(fsck->store, FS_LOCK_SHARED, &gc, &err) == 0 &&
        lock_repo(fsck->store, name, &repo, &err) == 0 && fsck_look_blob(fsck, digest) &&
        fsck_look_type(fsck, path) == FSCK_ABSENT)
        write_link(fsck, &suspicion, &what, &err); /* if that fails, it will be missed later */
    lock_free(&repo);
    lock_free(&gc);
}

/* Schema 1 manifests, which are obsolete, had signatures beside their link. */
static void visit_beside(struct fsck *fsck, void *context, const struct fsck_entry *entry)
{
    if (strcmp(entry->name, "link") != 0 &&
        !(entry->type == FSCK_DIRECTORY && !strcmp(entry->name, "signatures")))
        fsck_tree_foreign(fsck, context, entry, FSCK_FOREIGN_FILE);
}

void fsck_link_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                     const struct fsck_entry *dir, void *context)
{
    char path[sizeof(struct layout_path) + sizeof "/link"];
    struct name owner = *name;

    (void)context;
    fsck_run_step(fsck, "links");
    snprintf(path, sizeof path, "%s/link", dir->path);
    enum fsck_verdict verdict = fsck_tree_expect(fsck, name, dir, FSCK_DIRECTORY);
    if (verdict == FSCK_SOUND) {
        fsck_tree_each(fsck, dir->path, visit_beside, &owner);
        verdict = fsck_tree_expect_path(fsck, name, path, FSCK_FILE);
    }
    if (verdict == FSCK_MENDED)
        replace_link(fsck, name, digest, path);
    else if (verdict == FSCK_SOUND)
        check_content(fsck, name, digest, path);
}
