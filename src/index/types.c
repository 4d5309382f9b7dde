/* SPDX-License-Identifier: Apache-2.0
 * L2: of which type referrers are. Owns _berth/types: 4096 files by a subject's first digits, each
 * of lines "<checksum> <32 hex of the subject> <referrer> <type>". */
#include "index/types.h"

#include "base/dir.h"
#include "base/json.h"
#include "oci/manifest.h"
#include "store/layout.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUBJECT_HEX 32
#define CHECKSUM_HEX 16

/* What is larger is read no more, nor added to. */
#define FILE_SIZE_MAX ((size_t)32 << 20)

/* In the map. */
enum { OF_THE_TYPE = 1, OF_ANOTHER };

static const char *path_of(char path[], size_t size, const struct digest *subject)
{
    snprintf(path, size, LAYOUT_TYPES "/%.3s", digest_hex(subject));
    return path;
}

/* FNV-1a. */
static uint64_t checksum(const char *text, size_t len)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    return hash;
}

static int open_to_add(const struct store *store, const char *path, int *fd, struct err *err)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT;
    AUTO_DIRTY unneeded = {0};

    int opened = fs_open(&store->fs, path, flags, fd, err);
    if (opened != 0)
        return opened;
    return dir_make(&store->fs, LAYOUT_TYPES, &unneeded, err) < 0
               ? -1
               : fs_open(&store->fs, path, flags, fd, err);
}

/* In one call, so that the lines of several processes do not mix, and apart from a torn one. */
static int add_line(const struct store *store, const char *path, const struct buf *line,
                    struct err *err)
{
    AUTO_FD fd = -1;
    AUTO_BUF text = BUF_INIT;
    struct stat st;

    int opened = open_to_add(store, path, &fd, err);
    if (opened <= 0 || fstat(fd, &st) < 0 || (size_t)st.st_size + line->len > FILE_SIZE_MAX)
        return opened < 0 ? -1 : 0;
    if (st.st_size == 0 && fs_set_mode(&store->fs, path, fs_file_mode(&store->fs, path), err) < 0)
        return -1; /* the umask took part of it */
    buf_addf(&text, "\n%016" PRIx64 " %s\n", checksum(line->s, line->len), line->s);
    return write(fd, text.s, text.len) == (ssize_t)text.len
               ? 0
               : err_set(err, ERR_IO, "%s cannot be added to", path);
}

int types_note(const struct store *store, const struct digest *subject,
               const struct digest *referrer, const struct buf *descriptor, struct err *err)
{
    AUTO_BUF line = BUF_INIT;
    struct json *json = json_parse(descriptor->s, descriptor->len, MANIFEST_DEPTH_MAX, NULL);
    const char *type = json_text(json_get(json, "artifactType"));
    int result = 0;

    buf_addf(&line, "%.*s %s %s", SUBJECT_HEX, digest_hex(subject), referrer->s, type ? type : "");
    if (json && !strpbrk(line.s, "\n\r")) {
        char path[sizeof LAYOUT_TYPES + 8];
        result = add_line(store, path_of(path, sizeof path, subject), &line, err);
    }
    json_free(json);
    return result;
}

/* 1: it is a line of this subject. */
static int parse_line(const char *line, size_t len, const struct digest *subject,
                      struct digest *referrer, const char **type, size_t *type_len)
{
    const char *at = line + CHECKSUM_HEX + 1, *end = line + len;
    char sum[CHECKSUM_HEX + 1];

    if (len < CHECKSUM_HEX + 1 + SUBJECT_HEX + 1 ||
        strncmp(at, digest_hex(subject), SUBJECT_HEX) != 0)
        return 0;
    snprintf(sum, sizeof sum, "%016" PRIx64, checksum(at, (size_t)(end - at)));
    const char *digest = at + SUBJECT_HEX + 1;
    const char *space = memchr(digest, ' ', (size_t)(end - digest));
    if (strncmp(line, sum, CHECKSUM_HEX) != 0 || at[-1] != ' ' || !space ||
        digest_parse(referrer, digest, (size_t)(space - digest), NULL) < 0)
        return 0;
    *type = space + 1;
    *type_len = (size_t)(end - *type);
    return 1;
}

void types_load(const struct store *store, const struct digest *subject, const char *type,
                struct types *types)
{
    char path[sizeof LAYOUT_TYPES + 8];
    AUTO_BUF text = BUF_INIT;
    const char *end;

    if (fs_read(&store->fs, path_of(path, sizeof path, subject), FILE_SIZE_MAX, &text, NULL) <= 0)
        return; /* then all of them are read */
    for (const char *line = text.s; (end = strchr(line, '\n')); line = end + 1) {
        struct digest referrer;
        const char *said;
        size_t len;
        if (!parse_line(line, (size_t)(end - line), subject, &referrer, &said, &len))
            continue;
        uint32_t *known = digest_map_put(&types->known, &referrer);
        bool same = len == strlen(type) && !memcmp(said, type, len);
        *known = same || *known == OF_THE_TYPE ? OF_THE_TYPE : OF_ANOTHER;
    }
}

bool types_differ(const struct types *types, const struct digest *referrer)
{
    const uint32_t *known = digest_map_get(&types->known, referrer);

    return known && *known == OF_ANOTHER;
}

void types_free(struct types *types)
{
    digest_map_free(&types->known);
}

int types_forget(const struct store *store, struct err *err)
{
    return dir_remove_tree(&store->fs, LAYOUT_TYPES, err) < 0 ? -1 : 0;
}
