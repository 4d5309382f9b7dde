/* SPDX-License-Identifier: Apache-2.0
 * L3: fsck: reading manifests, whatever they are. */
#include "fsck/fsck_read.h"

#include "fsck/fsck_look.h"
#include "fsck/fsck_suspect.h"
#include "oci/digester.h"
#include "store/blob.h"
#include "store/layout.h"

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
        return fsck_look_obscured(fsck, path.s) ? FSCK_CONTENT_UNKNOWN : FSCK_CONTENT_MISSING;
    if (found > 0 && size > fsck->store->manifest_limit)
        return FSCK_CONTENT_NO_MANIFEST;
    if (found < 0 ||
        file_pread_all(fd, buf_reserve(bytes, (size_t)size), (size_t)size, 0, &err) < 0) {
        if (!fsck_look_obscured(fsck, path.s))
            fsck_suspect_unreadable(fsck, path.s, &err);
        return FSCK_CONTENT_UNKNOWN;
    }
    bytes->len = (size_t)size;
    bytes->s[bytes->len] = '\0';
    digester_of(&actual, digest->algorithm, bytes->s, bytes->len);
    return digest_equal(&actual, digest) ? FSCK_CONTENT_SOUND : FSCK_CONTENT_DAMAGED;
}

bool fsck_read_damaged(struct fsck *fsck, const struct digest *digest)
{
    AUTO_BUF bytes = BUF_INIT;

    return read_verified(fsck, digest, &bytes) == FSCK_CONTENT_DAMAGED;
}

enum fsck_content fsck_read_manifest(struct fsck *fsck, const struct digest *digest,
                                     struct manifest *manifest, int64_t *size)
{
    AUTO_BUF bytes = BUF_INIT;

    enum fsck_content content = read_verified(fsck, digest, &bytes);
    if (content != FSCK_CONTENT_SOUND)
        return content;
    *size = (int64_t)bytes.len;
    return manifest_parse_stored(manifest, bytes.s, bytes.len, NULL) == 0
               ? FSCK_CONTENT_SOUND
               : FSCK_CONTENT_NO_MANIFEST;
}
