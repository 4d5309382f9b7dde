/* SPDX-License-Identifier: Apache-2.0
 * L4: import: directories of `skopeo copy dir:` and `skopeo sync`. */
#include "transfer/import_skopeo.h"

#include "oci/digester.h"
#include "oci/manifest.h"

#include <string.h>

/* skopeo's directories have the image's name themselves. */
static void name_after_directory(const struct import *import, struct import_found_image *image)
{
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF shown = BUF_INIT;
    size_t len = strlen(image->prefix);

    if (len > 0)
        buf_add(&name, image->prefix, len - 1);
    else if (import->source->name)
        buf_addstr(&name, import->source->name);
    const char *last = name.s ? strrchr(name.s, '/') : NULL;
    if (name.s && strpbrk(last ? last : name.s, ":@") && saved_path(&shown, name.s, NULL))
        strings_add(&image->names, name.s);
}

int import_skopeo_find(struct import *import, const char *prefix, const struct buf *text,
                       struct err *err)
{
    AUTO_MANIFEST manifest = {0};

    if (text->len > import->options->manifest_limit)
        return err_set(err, ERR_MANIFEST_TOO_LARGE, "%smanifest.json", prefix);
    if (manifest_parse(&manifest, text->s, text->len, err) < 0)
        return -1;
    struct import_found_image *image =
        import_found_add(&import->found, IMPORT_FOUND_SKOPEO, prefix);
    digester_of(&image->digest, DIGEST_SHA256, text->s, text->len);
    image->size = (int64_t)text->len;
    name_after_directory(import, image);
    return 0;
}
