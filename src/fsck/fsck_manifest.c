/* SPDX-License-Identifier: Apache-2.0
 * L2: fsck: revisions, and the manifests that they stand for. */
#include "fsck/fsck_parts.h"

#include "store/blob.h"

#include <stdio.h>
#include <string.h>

/* As for blob_read_manifest: what is larger was never a manifest. */
#define MANIFEST_SIZE_MAX ((int64_t)64 << 20)

/* Reads a blob whole and compares its digest. */
static enum fsck_content read_verified(struct fsck *fsck, const struct digest *digest,
                                       struct buf *bytes)
{
    struct layout_path path;
    AUTO_FD fd = -1;
    struct digest actual;
    struct err err;
    int64_t size = 0;

    layout_blob(&path, digest);
    int found = blob_open(fsck->store, digest, &fd, &size, &err);
    if (found == 0)
        return fsck_is_obscured(fsck, path.s) ? FSCK_CONTENT_UNKNOWN : FSCK_CONTENT_MISSING;
    if (found > 0 && size > MANIFEST_SIZE_MAX)
        return FSCK_CONTENT_NO_MANIFEST;
    if (found < 0 ||
        fd_pread_all(fd, buf_reserve(bytes, (size_t)size), (size_t)size, 0, &err) < 0) {
        if (!fsck_is_obscured(fsck, path.s))
            fsck_unreadable(fsck, path.s, &err);
        return FSCK_CONTENT_UNKNOWN;
    }
    bytes->len = (size_t)size;
    bytes->s[bytes->len] = '\0';
    digest_of(&actual, digest->algorithm, bytes->s, bytes->len);
    return digest_equal(&actual, digest) ? FSCK_CONTENT_SOUND : FSCK_CONTENT_DAMAGED;
}

static bool is_obsolete(const struct buf *bytes)
{
    struct json *json = json_parse(bytes->s, bytes->len, MANIFEST_DEPTH_MAX, NULL);
    int64_t version;
    bool first = json_size(json_get(json, "schemaVersion"), &version) && version == 1;

    json_free(json);
    return first;
}

enum fsck_content fsck_read_manifest(struct fsck *fsck, const struct digest *digest,
                                     struct manifest *manifest, int64_t *size)
{
    AUTO_BUF bytes = BUF_INIT;

    enum fsck_content content = read_verified(fsck, digest, &bytes);
    if (content != FSCK_CONTENT_SOUND)
        return content;
    *size = (int64_t)bytes.len;
    if (manifest_parse(manifest, bytes.s, bytes.len, NULL) == 0)
        return FSCK_CONTENT_SOUND;
    return is_obsolete(&bytes) ? FSCK_CONTENT_OBSOLETE : FSCK_CONTENT_NO_MANIFEST;
}

/* --- damaged --- */

static bool is_damaged(struct fsck *fsck, const struct fsck_suspicion *suspicion)
{
    AUTO_BUF bytes = BUF_INIT;

    return read_verified(fsck, suspicion->digest, &bytes) == FSCK_CONTENT_DAMAGED;
}

/* Its names go before it. */
void fsck_bad_manifest(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct fsck_suspicion suspicion = {
        .code = FSCK_MANIFEST_DIGEST,
        .name = name,
        .digest = digest,
        .text = "its content does not have this digest",
        .holds = is_damaged,
        .mend = fsck_mend_names,
        .remove_blob = is_damaged,
    };

    if (digest_map_get(&fsck->reported, digest) == NULL &&
        fsck_suspect(fsck, &suspicion) == FSCK_FAULTY)
        digest_map_put(&fsck->reported, digest);
}

/* --- missing, invalid --- */

static bool is_linked(struct fsck *fsck, const struct fsck_suspicion *suspicion)
{
    struct layout_path path;

    return fsck_has_link(fsck, layout_revision(&path, suspicion->name, suspicion->digest));
}

static bool is_missing(struct fsck *fsck, const struct fsck_suspicion *suspicion)
{
    struct layout_path path;

    layout_blob(&path, suspicion->digest);
    return fsck_type_of(fsck, path.s) == FSCK_ABSENT && !fsck_is_obscured(fsck, path.s) &&
           is_linked(fsck, suspicion);
}

static void report_missing(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct fsck_suspicion suspicion = {
        .code = FSCK_MANIFEST_MISSING,
        .name = name,
        .digest = digest,
        .text = "the repository has this manifest, but its content is not there",
        .holds = is_missing,
        .mend = fsck_mend_names,
    };

    if (!digest_map_get(&fsck->reported, digest))
        fsck_suspect(fsck, &suspicion);
}

static void report_invalid(struct fsck *fsck, const struct name *name, const struct digest *digest)
{
    struct fsck_suspicion suspicion = {
        .code = FSCK_MANIFEST_INVALID,
        .name = name,
        .digest = digest,
        .text = "is no valid manifest, so it cannot be pulled",
        .holds = is_linked,
    };

    fsck_suspect(fsck, &suspicion);
}

void fsck_revision(struct fsck *fsck, const struct name *name, const struct digest *digest,
                   int depth)
{
    struct manifest manifest;
    int64_t size;

    fsck->summary.manifests++;
    fsck_step(fsck, "manifests");
    switch (fsck_read_manifest(fsck, digest, &manifest, &size)) {
    case FSCK_CONTENT_MISSING:
        report_missing(fsck, name, digest);
        break;
    case FSCK_CONTENT_DAMAGED:
        fsck_bad_manifest(fsck, name, digest);
        break;
    case FSCK_CONTENT_NO_MANIFEST:
        report_invalid(fsck, name, digest);
        break;
    case FSCK_CONTENT_SOUND:
        fsck_references(fsck, name, digest, &manifest, depth);
        fsck_referrer(fsck, name, digest, &manifest, size);
        manifest_free(&manifest);
        break;
    case FSCK_CONTENT_OBSOLETE:
    case FSCK_CONTENT_UNKNOWN:
        break;
    }
}
