/* SPDX-License-Identifier: Apache-2.0
 * L2: which repositories have a blob. Owns _berth/holders: 4096 files by a digest's first digits,
 * each of lines "<32 hex> <repository>". */
#include "store/holder.h"

#include "base/dir.h"
#include "base/text.h"
#include "oci/digest_key.h"
#include "store/layout.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KEY_HEX 32 /* of a digest, in a line */

/* What is larger is pruned or begun anew, not read. */
#define SHARD_SIZE_MAX ((size_t)4 << 20)

static int read_shard(const struct store *store, const char *path, struct buf *text,
                      struct err *err)
{
    return fs_read(&store->fs, path, SHARD_SIZE_MAX, text, err);
}

/* Without a sync: it can be made again. */
static int replace(const struct store *store, const char *path, const char *text, size_t len,
                   struct err *err)
{
    struct fs_root fs = store->fs;
    struct layout_path tmp;
    AUTO_DIRTY unneeded = {0};

    fs.durable = false;
    return fs_replace(&fs, layout_tmp(&tmp), path, text, len, &unneeded, err);
}

/* Whether the text has the line, from the start of one. */
static bool has_line(const struct buf *text, const struct buf *line)
{
    for (const char *at = text->len ? text->s : ""; (at = strstr(at, line->s)); at++)
        if (at == text->s || at[-1] == '\n')
            return true;
    return false;
}

int holder_note(const struct store *store, const struct name *name, const struct digest *digest,
                struct err *err)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT, line = BUF_INIT, more = BUF_INIT;
    AUTO_DIRTY unneeded = {0};
    AUTO_FD fd = -1;

    buf_addf(&line, "%.*s %s\n", KEY_HEX, digest_hex(digest), name->s);
    layout_holders(&path, digest_hex(digest));
    int found = read_shard(store, path.s, &text, err);
    if (found < 0)
        return -1;
    if (has_line(&text, &line))
        return 0;
    if (found == 0 && dir_make(&store->fs, LAYOUT_HOLDERS, &unneeded, err) < 0)
        return -1;
    int flags = O_WRONLY | O_APPEND | O_CREAT;
    if (fs_open(&store->fs, path.s, flags, &fd, err) <= 0)
        return -1;
    if (found == 0 && fs_set_mode(&store->fs, path.s, fs_file_mode(&store->fs, path.s), err) < 0)
        return -1; /* the umask took part of it */
    /* In one call, so that the lines of several processes do not mix, and apart from a torn one. */
    if (text.len && text.s[text.len - 1] != '\n')
        buf_addc(&more, '\n');
    buf_add(&more, line.s, line.len);
    return write(fd, more.s, more.len) == (ssize_t)more.len
               ? 0
               : err_set(err, ERR_IO, "%s cannot be added to", path.s);
}

int holder_find(const struct store *store, const struct digest *digest, holder_may_fn *may,
                void *context, struct name *holder, struct err *err)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT;
    const char *line;
    size_t len;

    if (read_shard(store, layout_holders(&path, digest_hex(digest)), &text, NULL) <= 0)
        return 0;
    for (const char *at = text.s; text_next_line(&at, &line, &len);) {
        struct name name;
        if (len <= KEY_HEX + 1 || strncmp(line, digest_hex(digest), KEY_HEX) != 0 ||
            name_parse(&name, line + KEY_HEX + 1, len - KEY_HEX - 1, NULL) < 0 ||
            (may && !may(context, &name)))
            continue;
        int has = store_has_link(store, layout_layer(&path, &name, digest), err);
        if (has > 0)
            *holder = name;
        if (has)
            return has;
    }
    return 0;
}

int holder_is_complete(const struct store *store, struct err *err)
{
    struct stat st;

    return fs_stat(&store->fs, LAYOUT_HOLDERS_COMPLETE, &st, err);
}

int holder_set_complete(const struct store *store, struct err *err)
{
    return replace(store, LAYOUT_HOLDERS_COMPLETE, "", 0, err);
}

/* A key of the line. False: it is none. */
static bool key_of_line(const char *line, size_t len, struct digest_key *key)
{
    char hex[KEY_HEX + 1];

    if (len <= KEY_HEX + 1)
        return false;
    memcpy(hex, line, KEY_HEX);
    hex[KEY_HEX] = '\0';
    return digest_key_of_hex(key, hex);
}

int holder_prune(const struct store *store, int shard, holder_keep_fn *keep, void *context,
                 struct err *err)
{
    struct layout_path path;
    AUTO_BUF text = BUF_INIT, kept = BUF_INIT;
    const char *line;
    size_t len;
    char digits[4] = {0};

    for (int i = 0; i < 3; i++)
        digits[i] = "0123456789abcdef"[shard >> (8 - 4 * i) & 15];
    struct stat st;
    int found = fs_stat(&store->fs, layout_holders(&path, digits), &st, err);
    if (found > 0 && st.st_size > (off_t)SHARD_SIZE_MAX)
        return replace(store, path.s, "", 0, err);
    if (found > 0)
        found = read_shard(store, path.s, &text, err);
    if (found <= 0 || text.len == 0)
        return found < 0 ? -1 : 0;
    for (const char *at = text.s; text_next_line(&at, &line, &len);) {
        struct digest_key key;
        if (key_of_line(line, len, &key) && keep(context, &key))
            buf_add(&kept, line, len + 1);
    }
    if (2 * kept.len > text.len)
        return 0;
    return replace(store, path.s, kept.len ? kept.s : "", kept.len, err);
}
