/* SPDX-License-Identifier: Apache-2.0
 * L2: blobs. Owns blobs/<algorithm>/<2 hex>/<hex>/data. */
#include "store/blob.h"

#include "base/dir.h"
#include "base/fs_settle.h"
#include "oci/digester.h"
#include "store/layout.h"
#include "store/manifest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define READ_BYTES ((size_t)256 << 10)

int blob_stat(const struct store *store, const struct digest *digest, int64_t *size,
              struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_blob(&path, digest), &st, err);
    if (found <= 0 || !S_ISREG(st.st_mode))
        return found < 0 ? -1 : 0;
    *size = st.st_size;
    return 1;
}

int blob_open(const struct store *store, const struct digest *digest, int *fd, int64_t *size,
              struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_open(&store->fs, layout_blob(&path, digest), O_RDONLY | O_NONBLOCK, fd, err);
    if (found <= 0)
        return found;
    if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        err_sys(err, EINVAL, "%s is no plain file", path.s);
        file_close(fd);
        return -1;
    }
    *size = st.st_size;
    return 1;
}

static int too_large(const struct digest *digest, int64_t size, int64_t size_max, struct err *err)
{
    return err_set(err, ERR_MANIFEST_TOO_LARGE,
                   "the manifest %s has %jd bytes, more than %jd (see manifest_limit)", digest->s,
                   (intmax_t)size, (intmax_t)size_max);
}

int blob_parse_manifest(const struct store *store, const struct digest *digest, int64_t size_max,
                        size_t json_max, struct manifest *manifest, int64_t *size, struct err *err)
{
    AUTO_FD fd = -1;
    int64_t len;
    struct digest actual;

    int found = blob_open(store, digest, &fd, &len, err);
    if (found <= 0)
        return found;
    if (len > size_max)
        return too_large(digest, len, size_max, err);
    const struct manifest_file file = {fd, len, MANIFEST_STORED, json_max, digest, NULL};
    if (manifest_file_parse(&file, digest->algorithm, &actual, manifest, err) < 0)
        return -1;
    if (size)
        *size = len;
    return 1;
}

int blob_read_manifest(const struct store *store, const struct digest *digest, struct buf *bytes,
                       struct err *err)
{
    AUTO_FD fd = -1;
    int64_t size;
    struct digest actual;

    int found = blob_open(store, digest, &fd, &size, err);
    if (found <= 0)
        return found;
    if (size > store->manifest_limit)
        return too_large(digest, size, store->manifest_limit, err);
    if (file_pread_all(fd, buf_reserve(bytes, (size_t)size), (size_t)size, 0, err) < 0)
        return -1;
    bytes->len = (size_t)size;
    bytes->s[bytes->len] = '\0';
    digester_of(&actual, digest->algorithm, bytes->s, bytes->len);
    if (!digest_equal(&actual, digest))
        return err_set(err, ERR_IO, "the manifest %s is damaged: push it again", digest->s);
    return 1;
}

int blob_digest(int fd, int64_t size, enum digest_algorithm algorithm, struct digest *digest,
                struct err *err)
{
    AUTO_DIGESTER digester;
    AUTO_BUF piece = BUF_INIT;
    char *bytes = buf_reserve(&piece, READ_BYTES);

    digester_init(&digester, algorithm);
    for (int64_t off = 0; off < size;) {
        size_t len = size - off < (int64_t)READ_BYTES ? (size_t)(size - off) : READ_BYTES;
        if (file_pread_all(fd, bytes, len, off, err) < 0)
            return -1;
        digester_update(&digester, bytes, len);
        off += (int64_t)len;
    }
    digester_final(&digester, digest);
    return 0;
}

int blob_verify(const struct store *store, const struct digest *digest, struct err *err)
{
    AUTO_FD fd = -1;
    struct digest actual;
    int64_t size;

    int found = blob_open(store, digest, &fd, &size, err);
    if (found <= 0)
        return found;
    if (blob_digest(fd, size, digest->algorithm, &actual, err) < 0)
        return -1;
    return digest_equal(&actual, digest);
}

int blob_may_be_manifest(const struct store *store, const struct digest *digest, struct err *err)
{
    AUTO_FD fd = -1;
    char start[64];
    int64_t size;

    int found = blob_open(store, digest, &fd, &size, err);
    if (found <= 0)
        return found;
    size_t len = size < (int64_t)sizeof start ? (size_t)size : sizeof start;
    if (file_pread_all(fd, start, len, 0, err) < 0)
        return -1;
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", start[i]) && start[i])
        i++;
    return i < len && start[i] == '{';
}

int blob_publish_file(const struct store *store, const struct digest *digest, const char *from,
                      struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    int renamed = fs_put(&store->fs, from, layout_blob(&path, digest), dirty, err);
    if (renamed == 0)
        return err_set(err, ERR_IO, "%s vanished", from);
    return renamed < 0 ? -1 : 0;
}

int blob_place(const struct digest *digest, struct fs_new *file, struct dirty *dirty,
               struct err *err)
{
    struct layout_path path;

    return fs_new_place(file, layout_blob(&path, digest), dirty, err);
}

int blob_freshen(const struct store *store, const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_freshen(store, layout_blob(&path, digest), err);
}

int blob_is_stale(const struct store *store, const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_is_stale(store, layout_blob(&path, digest), err);
}

int blob_settle(const struct store *store, const struct digest *digest, struct dirty *dirty,
                struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_blob(&path, digest), dirty, err);
}

/* The blobs below one directory, whose name is what their digests begin with. What lies in a wrong
 * one is no blob. */
static int walk_below(const struct store *store, enum digest_algorithm algorithm,
                      const char *prefix, blob_visit_fn *visit, void *context, struct err *err)
{
    AUTO_STRINGS names = {0};
    struct layout_path path;
    char dir[sizeof path];

    layout_blobs(&path, algorithm);
    if (snprintf(dir, sizeof dir, "%s/%s", path.s, prefix) >= (int)sizeof dir)
        return 0;
    if (dir_list(&store->fs, dir, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        struct digest digest;
        int64_t size;
        if (digest_from_hex(&digest, algorithm, names.v[i], NULL) < 0 || strlen(prefix) != 2 ||
            strncmp(names.v[i], prefix, 2) != 0)
            continue;
        int stop = blob_stat(store, &digest, &size, err);
        if (stop > 0)
            stop = visit(context, &digest, size, err);
        if (stop)
            return stop;
    }
    return 0;
}

int blob_walk(const struct store *store, enum digest_algorithm algorithm, blob_visit_fn *visit,
              void *context, struct err *err)
{
    struct layout_path path;
    AUTO_STRINGS prefixes = {0};

    if (dir_list(&store->fs, layout_blobs(&path, algorithm), &prefixes, err) < 0)
        return -1;
    for (size_t i = 0; i < prefixes.n; i++) {
        int stop = walk_below(store, algorithm, prefixes.v[i], visit, context, err);
        if (stop)
            return stop < 0 ? -1 : 0;
    }
    return 0;
}
