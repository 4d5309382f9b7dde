/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: revisions, and the manifests that they stand for. */
#include "fsck/fsck_manifest.h"

#include "fsck/fsck_look.h"
#include "fsck/fsck_names.h"
#include "fsck/fsck_read.h"
#include "fsck/fsck_reference.h"
#include "fsck/fsck_referrer.h"
#include "fsck/fsck_suspect.h"
#include "store/layout.h"

#include <string.h>

/* As deep as an index may be nested here before its children wait for their own turn. */
#define DEPTH_MAX 8

static bool is_damaged(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    return fsck_read_damaged(fsck, suspicion->digest);
}

/* Its names go before it. */
void fsck_manifest_damaged(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct fsck_suspect suspicion = {
        .code = FSCK_MANIFEST_DIGEST,
        .name = name,
        .digest = digest,
        .text = "its content does not have this digest",
        .holds = is_damaged,
        .mend = fsck_names_take,
        .remove_blob = is_damaged,
    };

    if (digest_map_get(&fsck->reported, digest) == NULL &&
        fsck_suspect_settle(fsck, &suspicion) == FSCK_FAULTY)
        digest_map_put(&fsck->reported, digest);
}

static bool is_linked(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    return fsck_look_link(fsck, layout_revision(&path, suspicion->name, suspicion->digest));
}

static bool is_missing(struct fsck *fsck, const struct fsck_suspect *suspicion)
{
    struct layout_path path;

    layout_blob(&path, suspicion->digest);
    return fsck_look_type(fsck, path.s) == FSCK_ABSENT && !fsck_look_obscured(fsck, path.s) &&
           is_linked(fsck, suspicion);
}

static void report_missing(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct fsck_suspect suspicion = {
        .code = FSCK_MANIFEST_MISSING,
        .name = name,
        .digest = digest,
        .text = "the repository has this manifest, but its content is not there",
        .holds = is_missing,
        .mend = fsck_names_take,
    };

    const uint32_t *reported = digest_map_get(&fsck->reported, digest);
    if (!reported || *reported == FSCK_REPORTED_MISSING)
        fsck_suspect_settle(fsck, &suspicion);
}

static void report_linked(struct fsck *fsck, const struct name *name, const struct digest *digest,
                          enum fsck_code code, const char *text)
{
    struct fsck_suspect suspicion = {
        .code = code,
        .name = name,
        .digest = digest,
        .text = text,
        .holds = is_linked,
    };

    fsck_suspect_settle(fsck, &suspicion);
}

static void check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                  int depth);

/* Children that had no link among the revisions a moment ago, so that nobody else checks them. */
static void check_linked(struct fsck *fsck, const struct name *name, const struct strings *linked,
                         int depth)
{
    struct digest digest;

    for (size_t i = 0; i < linked->n && depth < DEPTH_MAX; i++)
        if (digest_parse(&digest, linked->v[i], strlen(linked->v[i]), NULL) == 0)
            check(fsck, name, &digest, depth + 1);
}

static void check(struct fsck *fsck, const struct name *name, const struct digest *digest,
                  int depth)
{
    struct manifest manifest;
    AUTO_STRINGS linked = {0};
    int64_t size;

    fsck->summary.manifests++;
    fsck_run_step(fsck, "manifests");
    switch (fsck_read_manifest(fsck, digest, &manifest, &size)) {
    case FSCK_CONTENT_MISSING:
        report_missing(fsck, name, digest);
        break;
    case FSCK_CONTENT_DAMAGED:
        fsck_manifest_damaged(fsck, name, digest);
        break;
    case FSCK_CONTENT_NO_MANIFEST:
        report_linked(fsck, name, digest, FSCK_MANIFEST_INVALID,
                      "is no valid manifest, or larger than manifest_limit");
        break;
    case FSCK_CONTENT_SOUND:
        if (manifest.is_obsolete)
            report_linked(
                fsck, name, digest, FSCK_MANIFEST_OBSOLETE,
                "is of schema 1: it is kept and served, but current clients cannot pull it");
        fsck_reference_check(fsck, name, digest, &manifest, &linked);
        fsck_referrer_check(fsck, name, digest, &manifest, size);
        manifest_free(&manifest);
        check_linked(fsck, name, &linked, depth);
        break;
    case FSCK_CONTENT_UNKNOWN:
        break;
    }
}

void fsck_manifest_check(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    check(fsck, name, digest, 0);
}
