/* SPDX-License-Identifier: Apache-2.0
 * L4: import: where the parts of an image are. */
#include "transfer/import_part.h"

#include "oci/digester.h"
#include "store/blob.h"

int import_part_document(struct import *import, const char *prefix, const char *name,
                         struct buf *text, struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s%s", prefix, name);
    return source_read(import->source, path.s, SAVED_LENGTH_MAX, text, err);
}

void import_part_blob_name(const struct import_found_image *image, const struct digest *digest,
                           struct buf *name)
{
    buf_addstr(name, image->prefix);
    if (image->form != IMPORT_FOUND_SKOPEO)
        buf_addf(name, "blobs/%s/", digest_algorithm_name(digest->algorithm));
    buf_addstr(name, digest_hex(digest));
}

static void manifest_name(const struct import_found_image *image, const struct digest *digest,
                          struct buf *name)
{
    if (image->form == IMPORT_FOUND_SKOPEO && digest_equal(digest, &image->digest)) {
        buf_addf(name, "%smanifest.json", image->prefix);
        return;
    }
    import_part_blob_name(image, digest, name);
    if (image->form == IMPORT_FOUND_SKOPEO)
        buf_addstr(name, ".manifest.json");
}

int import_part_manifest(struct import *import, const struct import_found_image *image,
                         const struct digest *digest, struct buf *bytes, struct err *err)
{
    AUTO_BUF name = BUF_INIT;
    struct digest actual;

    manifest_name(image, digest, &name);
    int found = source_read(import->source, name.s, import->options->manifest_limit, bytes, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return blob_read_manifest(import->options->registry->store, digest, bytes, err);
    digester_of(&actual, digest->algorithm, bytes->s, bytes->len);
    if (!digest_equal(&actual, digest))
        return err_set(err, ERR_DIGEST_INVALID, "%s is damaged: it has the digest %s", name.s,
                       actual.s);
    return 1;
}
