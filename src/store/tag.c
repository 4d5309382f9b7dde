/* SPDX-License-Identifier: Apache-2.0
 * L2: tags. Owns repositories/<name>/_manifests/tags. */
#include "store/tag.h"

#include "base/dir.h"
#include "base/dir_page.h"
#include "base/fs_settle.h"
#include "store/layout.h"
#include "store/trash.h"

#include <errno.h>
#include <fcntl.h>
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

int tag_place_index(const struct name *name, const struct tag *tag, const struct digest *digest,
                    struct fs_new *link, struct dirty *dirty, struct err *err)
{
    const struct fs_root *root = link->root;
    struct layout_path path;

    if (fs_new_place(link, layout_tag_index(&path, name, tag, digest), dirty, err) < 0)
        return -1;
    layout_tag_current(&path, name, tag);
    *strrchr(path.s, '/') = '\0';
    return dir_make(root, path.s, dirty, err);
}

int tag_place(const struct name *name, const struct tag *tag, struct fs_new *link,
              struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_new_place(link, layout_tag_current(&path, name, tag), dirty, err);
}

int tag_settle_index(const struct store *store, const struct name *name, const struct tag *tag,
                     const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_tag_index(&path, name, tag, digest), dirty, err);
}

int tag_take(const struct store *store, const struct name *name, const struct tag *tag,
             struct strings *trash, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return trash_move(store, layout_tag(&path, name, tag), trash, dirty, err);
}

/* Opens the directory of a repository's tags, as a root of its own. 0: there is none. */
static int open_tags(const struct store *store, const struct name *name, int *fd,
                     struct fs_root *tags, struct err *err)
{
    struct layout_path path;

    int found = fs_open(&store->fs, layout_tags(&path, name), O_RDONLY | O_DIRECTORY, fd, err);
    *tags = store->fs;
    tags->fd = *fd;
    return found;
}

/* A directory without current/link is what a crash of Distribution leaves of a tag that was being
 * made. Symbolic links are passed over. */
static int tag_is_set(const struct fs_root *tags, const char *text, struct err *err)
{
    struct layout_path path;
    struct tag tag;
    struct stat st;
    struct err failure;

    if (tag_parse(&tag, text, strlen(text), &failure) < 0)
        return 0;
    int set = fs_stat(tags, layout_tag_current_in(&path, &tag), &st, &failure);
    if (set < 0 && failure.sys == ELOOP)
        return 0;
    return set < 0 ? err_copy(err, &failure) : set && S_ISREG(st.st_mode);
}

static bool add_name(void *context, const char *name)
{
    names_add(context, name);
    return false;
}

/* Those that are set, in the room of all. */
static int drop_unset(const struct fs_root *tags, struct names *names, struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->n; i++) {
        int set = tag_is_set(tags, names_get(names, i), err);
        if (set < 0)
            return -1;
        if (set)
            names->at[kept++] = names->at[i];
    }
    names->n = kept;
    return 0;
}

int tag_names(const struct store *store, const struct name *name, struct names *names,
              struct err *err)
{
    AUTO_FD fd = -1;
    struct fs_root tags;

    int found = open_tags(store, name, &fd, &tags, err);
    if (found > 0)
        found = dir_each(&tags, ".", add_name, names, err);
    if (found <= 0)
        return found;
    names_sort(names);
    return drop_unset(&tags, names, err) < 0 ? -1 : 1;
}

int tag_list(const struct store *store, const struct name *name, struct strings *tags,
             struct err *err)
{
    AUTO_NAMES names = {0};

    int found = tag_names(store, name, &names, err);
    for (size_t i = 0; found > 0 && i < names.n; i++)
        strings_add(tags, names_get(&names, i));
    return found;
}

/* A symbolic link is damage. digest NULL: no tag does. */
static int points_at(const struct fs_root *root, const char *path, const struct digest *digest,
                     struct err *err)
{
    struct digest current;
    struct err why = {0};

    int found = get(root, path, &current, &why);
    if (found < 0 && why.sys && why.sys != ELOOP)
        return err_copy(err, &why);
    return found > 0 && digest && digest_equal(&current, digest);
}

int tag_points_at(const struct store *store, const struct name *name, const struct tag *tag,
                  const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return points_at(&store->fs, layout_tag_current(&path, name, tag), digest, err);
}

int tag_list_of(const struct store *store, const struct name *name, const struct digest *digest,
                struct names *tags, struct dirty *dirty, struct err *err)
{
    AUTO_FD fd = -1;
    AUTO_NAMES all = {0};
    struct fs_root root;
    struct layout_path path;

    int found = open_tags(store, name, &fd, &root, err);
    if (found > 0)
        found = dir_each(&root, ".", add_name, &all, err);
    names_sort(&all);
    if (found < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        const char *text = names_get(&all, i);
        struct tag tag;
        if (tag_parse(&tag, text, strlen(text), NULL) < 0)
            continue;
        int points = points_at(&root, layout_tag_current_in(&path, &tag), digest, err);
        /* What was read is settled, not what came before it. */
        if (points < 0 ||
            (dirty && !dirty->too_many && tag_settle(store, name, &tag, dirty, err) < 0))
            return -1;
        if (points)
            names_add(tags, text);
    }
    if (dirty && fs_settle_entries(&store->fs, layout_tags(&path, name), dirty, err) < 0)
        return -1;
    return 0;
}

/* The tags of a page, of which there are n at most. */
struct tags_page {
    const struct fs_root *tags;
    size_t n;
    struct strings *page;
    bool *more;
};

static int add_if_set(void *context, const char *text, struct err *err)
{
    const struct tags_page *part = context;

    int set = tag_is_set(part->tags, text, err);
    if (set <= 0)
        return set;
    *part->more = part->page->n == part->n;
    if (!*part->more)
        strings_add(part->page, text);
    return *part->more;
}

int tag_page(const struct store *store, const struct name *name, const char *after, size_t n,
             struct strings *page, bool *more, struct err *err)
{
    AUTO_FD fd = -1;
    struct fs_root tags;
    struct tags_page part = {&tags, n, page, more};

    *more = false;
    int found = open_tags(store, name, &fd, &tags, err);
    if (found > 0 &&
        dir_page_walk(&tags, ".", after, n + 1, !store->shared, add_if_set, &part, err) < 0)
        return -1;
    return found;
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
    AUTO_NAMES none = {0};

    return tag_list_of(store, name, NULL, &none, dirty, err);
}
