/* SPDX-License-Identifier: Apache-2.0
 * L2: reading manifests from open files. Owns no path. */
#include "store/manifest_file.h"

#include "base/file.h"
#include "oci/digester.h"

#define PIECE_MAX ((int64_t)65536)

static int read_pieces(const struct manifest_file *file, struct digester *digester,
                       struct json_reading *reading, struct err *err)
{
    AUTO_BUF unwanted = BUF_INIT;
    struct buf *into = file->text ? file->text : &unwanted;

    for (int64_t off = 0; off < file->size;) {
        size_t len = (size_t)(file->size - off < PIECE_MAX ? file->size - off : PIECE_MAX);
        if (!file->text)
            buf_clear(into);
        char *piece = buf_reserve(into, len);
        if (file_pread_all(file->fd, piece, len, off, err) < 0)
            return -1;
        into->len += len;
        into->s[into->len] = '\0';
        digester_update(digester, piece, len);
        json_feed(reading, piece, len);
        off += (int64_t)len;
    }
    return 0;
}

int manifest_file_parse(const struct manifest_file *file, enum digest_algorithm algorithm,
                        struct digest *digest, struct manifest *manifest, struct err *err)
{
    AUTO_DIGESTER digester;
    struct json_reading *reading = json_begin(MANIFEST_DEPTH_MAX, file->json_max,
                                              file->kind == MANIFEST_TOP ? JSON_TOP : JSON_ALL);
    struct err failure;

    *manifest = (struct manifest){0};
    digester_init(&digester, algorithm);
    int result = read_pieces(file, &digester, reading, err);
    struct json *json = json_end(reading, &manifest->is_cut, &failure);
    if (result == 0)
        digester_final(&digester, digest);
    if (result == 0 && file->expected && !digest_equal(digest, file->expected))
        result =
            err_set(err, ERR_IO, "the manifest %s is damaged: push it again", file->expected->s);
    if (result == 0 && !json)
        result = err_copy(err, &failure);
    if (result == 0)
        return manifest_take(manifest, json, file->kind, err);
    json_free(json);
    return -1;
}
