/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: reading manifests, whatever they are. */
#include "fsck/fsck_read.h"

#include "fsck/fsck_look.h"
#include "fsck/fsck_suspect.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/manifest_file.h"

/* Opens what may be a manifest. */
static enum fsck_content open_manifest(struct fsck *fsck, const struct digest *digest, int *fd,
                                       int64_t *size)
{
    struct layout_path path;
    struct err err;

    layout_blob(&path, digest);
    int found = blob_open(fsck->store, digest, fd, size, &err);
    if (found > 0)
        return *size > fsck->store->manifest_limit ? FSCK_CONTENT_NO_MANIFEST : FSCK_CONTENT_SOUND;
    if (fsck_look_obscured(fsck, path.s))
        return FSCK_CONTENT_UNKNOWN;
    if (found == 0)
        return FSCK_CONTENT_MISSING;
    fsck_suspect_unreadable(fsck, path.s, &err);
    return FSCK_CONTENT_UNKNOWN;
}

static enum fsck_content unreadable(struct fsck *fsck, const struct digest *digest,
                                    const struct err *err)
{
    struct layout_path path;

    layout_blob(&path, digest);
    if (!fsck_look_obscured(fsck, path.s))
        fsck_suspect_unreadable(fsck, path.s, err);
    return FSCK_CONTENT_UNKNOWN;
}

bool fsck_read_damaged(struct fsck *fsck, const struct digest *digest)
{
    AUTO_FD fd = -1;
    int64_t size;
    struct digest actual;
    struct err err;

    if (open_manifest(fsck, digest, &fd, &size) != FSCK_CONTENT_SOUND)
        return false;
    if (blob_digest(fd, size, digest->algorithm, &actual, &err) == 0)
        return !digest_equal(&actual, digest);
    unreadable(fsck, digest, &err);
    return false;
}

enum fsck_content fsck_read_manifest(struct fsck *fsck, const struct digest *digest,
                                     struct manifest *manifest, int64_t *size)
{
    AUTO_FD fd = -1;
    struct digest actual = {.s = ""};
    struct err err;

    enum fsck_content content = open_manifest(fsck, digest, &fd, size);
    if (content != FSCK_CONTENT_SOUND)
        return content;
    const struct manifest_file file = {fd, *size, MANIFEST_STORED, JSON_BYTES_MAX, NULL, NULL};
    int parsed = manifest_file_parse(&file, digest->algorithm, &actual, manifest, &err);
    if (parsed == 0 && digest_equal(&actual, digest))
        return FSCK_CONTENT_SOUND;
    if (parsed == 0)
        manifest_free(manifest);
    if (!actual.s[0])
        return unreadable(fsck, digest, &err);
    return digest_equal(&actual, digest) ? FSCK_CONTENT_NO_MANIFEST : FSCK_CONTENT_DAMAGED;
}
