/* SPDX-License-Identifier: Apache-2.0
 * L2: reading manifests from open files. Owns no path. */
#include "store/manifest_file.h"

#include "base/file.h"
#include "oci/digester.h"

#include <string.h>

#define PIECE_MAX ((int64_t)65536)

/* reading: NULL: nobody wants to know what is in it. */
static int read_pieces(int fd, int64_t size, struct digester *digester,
                       struct json_reading *reading, struct buf *text, struct err *err)
{
    AUTO_BUF unwanted = BUF_INIT;
    struct buf *into = text ? text : &unwanted;

    for (int64_t off = 0; off < size;) {
        size_t len = (size_t)(size - off < PIECE_MAX ? size - off : PIECE_MAX);
        if (!text)
            buf_clear(into);
        char *piece = buf_reserve(into, len);
        if (file_pread_all(fd, piece, len, off, err) < 0)
            return -1;
        into->len += len;
        into->s[into->len] = '\0';
        digester_update(digester, piece, len);
        if (reading)
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
    int result = read_pieces(file->fd, file->size, &digester, reading, file->text, err);
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

int manifest_file_verify(int fd, int64_t size, const struct digest *expected, struct err *err)
{
    AUTO_DIGESTER digester;
    struct digest actual;

    digester_init(&digester, expected->algorithm);
    if (read_pieces(fd, size, &digester, NULL, NULL, err) < 0)
        return -1;
    digester_final(&digester, &actual);
    return digest_equal(&actual, expected);
}
