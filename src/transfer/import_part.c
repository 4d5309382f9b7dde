/* SPDX-License-Identifier: Apache-2.0
 * L4: import: where the parts of an image are. */
#include "transfer/import_part.h"

#include "oci/digester.h"
#include "oci/manifest.h"
#include "store/blob.h"

#include <string.h>

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

static int parses(struct import *import, const struct import_found_image *image,
                  const struct digest *digest, struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};

    int found = import_part_manifest(import, image, digest, &bytes, err);
    if (found <= 0)
        return found;
    return manifest_parse(&manifest, bytes.s, bytes.len, NULL) == 0;
}

static int is_stored_manifest(struct import *import, const struct import_found_image *image,
                              const struct digest *child, struct err *err)
{
    const struct store *store = import->options->registry->store;
    AUTO_BUF name = BUF_INIT;
    struct source_file file;
    int64_t size;

    import_part_blob_name(image, child, &name);
    int found = source_find(import->source, name.s, &file, err);
    if (found < 0)
        return -1;
    if (found) { /* beside the manifests, so it is none */
        source_file_close(&file);
        return 0;
    }
    found = blob_stat(store, child, &size, err);
    if (found <= 0)
        return found < 0 ? -1 : 1;
    found = blob_may_be_manifest(store, child, err);
    return found > 0 ? parses(import, image, child, err) : found;
}

int import_part_is_manifest(struct import *import, const struct import_found_image *image,
                            const struct digest *child, struct err *err)
{
    AUTO_BUF name = BUF_INIT;
    struct source_file file;
    char first;

    manifest_name(image, child, &name);
    int found = source_find(import->source, name.s, &file, err);
    if (found <= 0)
        return found < 0 ? -1 : is_stored_manifest(import, image, child, err);
    bool fits = file.size <= (int64_t)import->options->manifest_limit;
    ssize_t n = fits ? source_file_read(&file, 0, &first, 1, err) : 0;
    source_file_close(&file);
    if (n <= 0)
        return (int)n;
    return memchr("{ \t\r\n", first, 5) ? parses(import, image, child, err) : 0;
}
