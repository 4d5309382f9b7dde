/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: the referrers index. */
#include "fsck/fsck_referrer.h"

#include "fsck/fsck_read.h"
#include "fsck/fsck_tree.h"
#include "index/types.h"
#include "store/layout.h"
#include "store/referrer.h"

#include <string.h>

struct entry_context {
    const struct digest *subject, *referrer;
    const struct buf *descriptor; /* what it should hold */
};

static bool is_revision(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct layout_path path;

    return fsck_look_link(fsck, layout_revision(&path, name, digest));
}

/* 1: it holds what it should, 0: it holds something else, -1: it is not there or unreadable. */
static int read_entry(struct fsck *fsck, const struct name *name, const struct entry_context *entry)
{
    AUTO_BUF text = BUF_INIT;
    struct layout_path path;
    struct err err;

    int found = referrer_read(fsck->store, name, entry->subject, entry->referrer, &text, &err);
    layout_referrer(&path, name, entry->subject, entry->referrer);
    if (fsck_run_saw(fsck, path.s, found, &err) <= 0)
        return -1;
    return text.len == entry->descriptor->len && !memcmp(text.s, entry->descriptor->s, text.len);
}

/* The entry is made before its manifest's link and goes after it: so it is looked for first. */
static bool is_missing(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    return fsck_look_type(fsck, suspicion->path) == FSCK_ABSENT &&
           !fsck_look_obscured(fsck, suspicion->path) &&
           is_revision(fsck, suspicion->name, suspicion->digest);
}

static bool is_damaged(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    return read_entry(fsck, suspicion->name, suspicion->context) == 0 &&
           is_revision(fsck, suspicion->name, suspicion->digest);
}

static int write_entry(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                       struct err *err)
{
    const struct entry_context *entry = suspicion->context;
    AUTO_DIRTY dirty = {0};

    if (referrer_add(fsck->store, suspicion->name, entry->subject, entry->referrer,
                     entry->descriptor, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "written from the manifest");
    return 0;
}

/* Where berth has never changed the store, there is no index yet; a repair makes it. */
void fsck_referrer_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                         const struct manifest *manifest, int64_t size)
{
    struct layout_path path;
    AUTO_BUF descriptor = BUF_INIT;
    struct entry_context entry = {&manifest->subject, digest, &descriptor};
    struct fsck_suspect suspicion = {
        .code = FSCK_REFERRER_MISSING,
        .name = name,
        .digest = digest,
        .text = "is missing, so this manifest is in no list of referrers",
        .holds = is_missing,
        .mend = write_entry,
        .context = &entry,
    };

    if (!manifest->has_subject)
        return;
    manifest_describe(manifest, digest, size, &descriptor);
    suspicion.path = layout_referrer(&path, name, &manifest->subject, digest);
    if (fsck->options.repair)
        types_note(fsck->store, &manifest->subject, digest, &descriptor, NULL);
    int right = read_entry(fsck, name, &entry);
    if (right > 0 || (right < 0 && !fsck->own && !fsck->options.repair))
        return;
    if (right == 0) {
        suspicion.code = FSCK_REFERRER_DAMAGED;
        suspicion.text = "is not what the manifest says";
        suspicion.holds = is_damaged;
    }
    if (suspicion.holds(fsck, &suspicion))
        fsck_suspect_settle(fsck, &suspicion);
}

/* --- entries that should not be there --- */

static bool is_foreign(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct digest *subject = suspicion->context;
    struct manifest manifest;
    int64_t size;

    if (!is_revision(fsck, suspicion->name, suspicion->digest) ||
        fsck_look_type(fsck, suspicion->path) != FSCK_FILE ||
        fsck_read_manifest(fsck, suspicion->digest, &manifest, &size) != FSCK_CONTENT_SOUND)
        return false;
    bool foreign = !manifest.has_subject || !digest_equal(&manifest.subject, subject);
    manifest_free(&manifest);
    return foreign;
}

/* One whose manifest is gone counts for nobody. */
static void visit_referrer(struct fsck *fsck, const struct name *name, const struct digest *digest,
                           const struct fsck_entry *entry, void *context)
{
    struct digest *subject = context;
    struct fsck_suspect suspicion = {
        .code = FSCK_REFERRER_FOREIGN,
        .path = entry->path,
        .name = name,
        .digest = digest,
        .text = "the manifest does not name this subject",
        .holds = is_foreign,
        .mend = fsck_suspect_move,
        .context = subject,
    };

    fsck_run_step(fsck, "referrers");
    if (fsck_tree_expect(fsck, name, entry, FSCK_FILE) == FSCK_SOUND &&
        is_foreign(fsck, &suspicion))
        fsck_suspect_settle(fsck, &suspicion);
}

static void visit_subject(struct fsck *fsck, const struct name *name, const struct digest *digest,
                          const struct fsck_entry *entry, void *context)
{
    struct digest subject = *digest;

    (void)context;
    if (fsck_tree_expect(fsck, name, entry, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each_digest(fsck, name, entry->path, visit_referrer, &subject);
}

void fsck_referrer_check_all(struct fsck *fsck, const struct name *name)
{
    struct layout_path path;
    AUTO_BUF dir = BUF_INIT;

    buf_addf(&dir, "%s/" LAYOUT_NAME_REFERRERS, layout_repository(&path, name));
    if (fsck_tree_expect_path(fsck, name, dir.s, FSCK_DIRECTORY) == FSCK_SOUND)
        fsck_tree_each_digest(fsck, name, dir.s, visit_subject, NULL);
}
