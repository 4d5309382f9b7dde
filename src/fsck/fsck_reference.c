/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: what manifests refer to: configurations, layers, children of an index. */
#include "fsck/fsck_reference.h"

#include "fsck/fsck_blob.h"
#include "fsck/fsck_hash.h"
#include "fsck/fsck_look.h"
#include "fsck/fsck_names.h"
#include "fsck/fsck_read.h"
#include "fsck/fsck_suspect.h"
#include "store/layout.h"
#include "store/repo.h"

#include <stdio.h>
#include <string.h>

struct reference {
    const struct digest *manifest; /* that refers */
    const struct descriptor *descriptor;
};

static bool is_linked(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    const struct reference *reference = suspicion->context;
    struct layout_path path;

    return fsck_look_link(fsck, layout_revision(&path, suspicion->name, reference->manifest));
}

/* Distribution keeps a blob that was pushed with a sha512 under its sha256 alone, and links to
 * that.
 */
static bool has_alias(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;
    struct digest target;
    struct err err;

    if (digest->algorithm == DIGEST_SHA256)
        return false;
    layout_layer(&path, name, digest);
    int found = fsck_run_saw(fsck, path.s,
                             fs_read(&fsck->store->fs, path.s, sizeof target.s, &text, &err), &err);
    if (found <= 0)
        return found < 0;
    return digest_parse(&target, text.s, text.len, NULL) == 0 && fsck_look_blob(fsck, &target);
}

/* --- content that is not there --- */

static bool lacks_blob(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    return fsck_look_absent(fsck, layout_blob(&path, suspicion->digest)) &&
           !has_alias(fsck, suspicion->name, suspicion->digest) && is_linked(fsck, suspicion);
}

static bool lacks_child(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    return fsck_look_absent(fsck, layout_revision(&path, suspicion->name, suspicion->digest)) &&
           lacks_blob(fsck, suspicion);
}

/* What refers to it is sound itself, and other parts of it may be wanted, so it stays. */
static int note_lost(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                     struct err *err)
{
    if (fsck->found_blobs == 0)
        return err_set(err, ERR_IO, "the store has no blob at all: is something not mounted?");
    if (quarantine_note_lost(fsck->store, suspicion->digest, err) < 0)
        return -1;
    fsck->summary.lost++;
    buf_addstr(what, "noted; push it again");
    return 0;
}

static void check_absent(struct fsck *fsck, const struct name *name, struct reference *reference)
{
    const struct digest *digest = &reference->descriptor->digest;
    bool child = reference->descriptor->role == DESCRIPTOR_CHILD;
    char text[160 + sizeof digest->s];
    struct fsck_suspect suspicion = {
        .code = child ? FSCK_INDEX_CHILD : FSCK_BLOB_MISSING,
        .name = name,
        .digest = digest,
        .text = text,
        .holds = child ? lacks_child : lacks_blob,
        .mend = note_lost,
        .context = reference,
    };

    if (reference->descriptor->has_urls || digest_map_get(&fsck->reported, digest) ||
        !suspicion.holds(fsck, &suspicion))
        return;
    if (quarantine_is_lost(fsck->store, digest)) {
        *digest_map_put(&fsck->reported, digest) = FSCK_REPORTED_MISSING;
        fsck->summary.awaited++;
        return;
    }
    snprintf(text, sizeof text, "is not there, but %s %s needs it",
             child ? "the index" : "manifest", reference->manifest->s);
    if (fsck_suspect_settle(fsck, &suspicion) != FSCK_SOUND)
        *digest_map_put(&fsck->reported, digest) = FSCK_REPORTED_MISSING;
}

/* --- links that are not there --- */

/* Where _layers itself is missing, that is what is reported. */
static bool lacks_layer(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    return fsck_look_absent(fsck, layout_layer(&path, suspicion->name, suspicion->digest)) &&
           fsck_look_type(fsck, layout_layers(&path, suspicion->name)) == FSCK_DIRECTORY &&
           is_linked(fsck, suspicion) && fsck_look_blob(fsck, suspicion->digest);
}

static bool lacks_revision(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    return fsck_look_absent(fsck, layout_revision(&path, suspicion->name, suspicion->digest)) &&
           lacks_layer(fsck, suspicion);
}

static int link_layer(struct fsck *fsck, const struct fsck_suspect *suspicion, struct buf *what,
                      struct err *err)
{
    AUTO_DIRTY dirty = {0};

    if (repo_link_layer(fsck->store, suspicion->name, suspicion->digest, &dirty, err) < 0 ||
        dirty_sync(&fsck->store->fs, &dirty, err) < 0)
        return -1;
    buf_addstr(what, "linked");
    return 0;
}

static bool is_manifest(struct fsck *fsck, const struct digest *digest)
{
    struct manifest manifest;
    int64_t size;

    if (fsck_read_manifest(fsck, digest, &manifest, &size) != FSCK_CONTENT_SOUND)
        return false;
    manifest_free(&manifest);
    return true;
}

/* The blob is there. A child that is linked as a layer can be pulled too, as a blob. */
static void check_link(struct fsck *fsck, const struct name *name, struct reference *reference,
                       struct strings *linked)
{
    const struct digest *digest = &reference->descriptor->digest;
    char text[160 + sizeof digest->s];
    struct fsck_suspect suspicion = {
        .code = FSCK_LAYER_MISSING,
        .name = name,
        .digest = digest,
        .text = text,
        .holds = lacks_layer,
        .mend = link_layer,
        .context = reference,
    };

    if (reference->descriptor->has_urls || digest_map_get(&fsck->linkless, digest) ||
        digest_map_get(&fsck->reported, digest) || !lacks_layer(fsck, &suspicion))
        return;
    if (reference->descriptor->role == DESCRIPTOR_CHILD) {
        if (!lacks_revision(fsck, &suspicion))
            return;
        if (is_manifest(fsck, digest)) {
            suspicion.code = FSCK_REVISION_MISSING;
            suspicion.holds = lacks_revision;
            suspicion.mend = fsck_names_link;
        }
    }
    snprintf(text, sizeof text,
             "is there, but not linked to the repository, whose manifest %s "
             "needs it",
             reference->manifest->s);
    enum fsck_verdict verdict = fsck_suspect_settle(fsck, &suspicion);
    if (verdict == FSCK_FAULTY)
        digest_map_put(&fsck->linkless, digest);
    if (verdict == FSCK_MENDED && suspicion.code == FSCK_REVISION_MISSING)
        strings_add(linked, digest->s);
}

/* --- sizes --- */

static void report_size(struct fsck *fsck, const struct name *name, struct reference *reference,
                        int64_t size)
{
    char text[200 + sizeof reference->descriptor->digest.s];
    struct fsck_suspect suspicion = {
        .code = FSCK_MANIFEST_SIZE,
        .name = name,
        .digest = reference->manifest,
        .text = text,
        .holds = is_linked,
        .context = reference,
    };

    snprintf(text, sizeof text, "says that %s has %jd bytes, but it has %jd",
             reference->descriptor->digest.s, (intmax_t)reference->descriptor->size,
             (intmax_t)size);
    fsck_suspect_settle(fsck, &suspicion);
}

/* Which of the two is wrong, only the digest can tell. */
static void check_size(struct fsck *fsck, const struct name *name, struct reference *reference,
                       const char *path, int64_t size)
{
    const struct descriptor *descriptor = reference->descriptor;
    struct fsck_hash hash = {.digest = descriptor->digest};
    char text[120];

    if (descriptor->size < 0 || size == descriptor->size ||
        digest_map_get(&fsck->reported, &descriptor->digest))
        return;
    fsck_hash_path(fsck->store, path, &hash, fsck, NULL);
    if (fsck_run_saw(fsck, path, hash.found, &hash.err) <= 0 || hash.stopped)
        return;
    if (digest_equal(&hash.actual, &descriptor->digest)) {
        report_size(fsck, name, reference, size);
        return;
    }
    snprintf(text, sizeof text, "has %jd bytes of %jd, and another digest", (intmax_t)size,
             (intmax_t)descriptor->size);
    fsck_blob_bad(fsck, FSCK_BLOB_SIZE, &descriptor->digest, &hash.st, text);
}

/* What it has a link to, it had. */
static bool may_lack(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    const struct fsck_options *options = &fsck->options;
    struct layout_path path;

    return options->may_lack && options->may_lack(options->rules, name) &&
           !fsck_look_link(fsck, layout_layer(&path, name, digest));
}

static void check_reference(struct fsck *fsck, const struct name *name, struct reference *reference,
                            struct strings *linked)
{
    const struct digest *digest = &reference->descriptor->digest;
    struct layout_path path;
    struct stat st;
    struct err err;

    layout_blob(&path, digest);
    int found = fs_stat(&fsck->store->fs, path.s, &st, &err);
    if (found < 0 && !fsck_look_obscured(fsck, path.s))
        fsck_suspect_unreadable(fsck, path.s, &err);
    if (found < 0 || (found > 0 && !S_ISREG(st.st_mode)))
        return; /* and this is reported as what it is */
    if (found == 0) {
        if (!may_lack(fsck, name, digest))
            check_absent(fsck, name, reference);
        return;
    }
    check_size(fsck, name, reference, path.s, st.st_size);
    if (!may_lack(fsck, name, digest)) /* what others have is not given to this one */
        check_link(fsck, name, reference, linked);
}

void fsck_reference_check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                          const struct manifest *manifest, struct strings *linked)
{
    for (size_t i = 0; i < manifest->n_references && !fsck_run_stopped(fsck); i++) {
        struct reference reference = {digest, &manifest->references[i]};
        check_reference(fsck, name, &reference, linked);
    }
}
