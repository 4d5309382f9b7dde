/* SPDX-License-Identifier: Apache-2.0
 * L2: tags. Owns repositories/<name>/_manifests/tags. */
#include "store/tag.h"

#include "base/dir.h"
#include "base/fs_settle.h"
#include "store/layout.h"
#include "store/trash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int get(const struct fs_root *root, const char *path, struct digest *digest, struct err *err)
{
    AUTO_BUF link = BUF_INIT;

    int found = fs_read(root, path, sizeof digest->s, &link, err);
    if (found <= 0)
        return found;
    if (digest_parse(digest, link.s, link.len, NULL) < 0)
        return err_set(err, ERR_IO, "%s holds no digest: push the tag again or delete it", path);
    return 1;
}

int tag_get(const struct store *store, const struct name *name, const struct tag *tag,
            struct digest *digest, struct err *err)
{
    struct layout_path path;

    return get(&store->fs, layout_tag_current(&path, name, tag), digest, err);
}

int tag_get_in(const struct fs_root *tags, const struct tag *tag, struct digest *digest,
               struct err *err)
{
    struct layout_path path;

    return get(tags, layout_tag_current_in(&path, tag), digest, err);
}

int tag_time(const struct store *store, const struct name *name, const struct tag *tag,
             int64_t *when, struct err *err)
{
    struct layout_path path;

    return store_link_time(store, layout_tag_current(&path, name, tag), when, err);
}

int tag_add_index(const struct store *store, const struct name *name, const struct tag *tag,
                  const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return store_write_link(store, layout_tag_index(&path, name, tag, digest), digest, dirty, err);
}

int tag_set(const struct store *store, const struct name *name, const struct tag *tag,
            const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return store_write_link(store, layout_tag_current(&path, name, tag), digest, dirty, err);
}

int tag_remove(const struct store *store, const struct name *name, const struct tag *tag,
               struct err *err)
{
    struct layout_path path;
    AUTO_STRINGS trash = {0};
    AUTO_DIRTY dirty = {0};

    int moved = trash_move(store, layout_tag(&path, name, tag), &trash, &dirty, err);
    if (moved <= 0)
        return moved;
    if (dirty_sync(&store->fs, &dirty, err) < 0)
        return -1;
    return trash_empty(store, &trash, err) < 0 ? -1 : 1;
}

/* A directory without current/link is what a crash of Distribution leaves of a tag that was being
 * made. Symbolic links are passed over. */
static int tag_is_set(const struct store *store, const struct name *name, const char *text,
                      struct err *err)
{
    struct layout_path path;
    struct tag tag;
    struct err failure;

    if (tag_parse(&tag, text, strlen(text), &failure) < 0)
        return 0;
    int set = store_has_link(store, layout_tag_current(&path, name, &tag), &failure);
    if (set < 0 && failure.sys == ELOOP)
        return 0;
    if (set < 0)
        err_copy(err, &failure);
    return set;
}

int tag_list(const struct store *store, const struct name *name, struct strings *tags,
             struct err *err)
{
    struct layout_path path;
    size_t kept = 0;

    int found = dir_list(&store->fs, layout_tags(&path, name), tags, err);
    if (found <= 0)
        return found;
    for (size_t i = 0; i < tags->n; i++) {
        int set = tag_is_set(store, name, tags->v[i], err);
        if (set < 0)
            return -1;
        char *text = tags->v[i];
        tags->v[i] = tags->v[kept];
        tags->v[kept] = text;
        kept += (size_t)set;
    }
    while (tags->n > kept)
        free(tags->v[--tags->n]);
    return 1;
}

int tag_settle(const struct store *store, const struct name *name, const struct tag *tag,
               struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_tag_current(&path, name, tag), dirty, err);
}

int tag_settle_all(const struct store *store, const struct name *name, struct dirty *dirty,
                   struct err *err)
{
    AUTO_STRINGS tags = {0};
    struct layout_path path;

    if (fs_settle_entries(&store->fs, layout_tags(&path, name), dirty, err) < 0 ||
        tag_list(store, name, &tags, err) < 0)
        return -1;
    for (size_t i = 0; i < tags.n; i++) {
        struct tag tag;
        if (tag_parse(&tag, tags.v[i], strlen(tags.v[i]), NULL) == 0 &&
            tag_settle(store, name, &tag, dirty, err) < 0)
            return -1;
    }
    return 0;
}
