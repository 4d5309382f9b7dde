/* SPDX-License-Identifier: Apache-2.0
 * L3: when tags were pulled last. Owns _berth/pulled. */
#include "registry/pulled.h"

#include "base/dir.h"
#include "store/layout.h"
#include "store/repo.h"
#include "store/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TAGS "_tags"
#define SINCE "_since"

/* Makes an empty file. 0: it is there, perhaps since another process made it right now. */
static int make_file(const struct store *store, const char *path, struct err *err)
{
    AUTO_FD fd = -1;
    struct err failure;

    int made = fs_open(&store->fs, path, O_WRONLY | O_CREAT | O_EXCL, &fd, &failure);
    if (made > 0)
        return 1;
    if (made == 0) /* the directory was swept away right now */
        return err_sys(err, ENOENT, "create %s", path);
    if (failure.sys == EEXIST)
        return 0;
    return err_copy(err, &failure);
}

int pulled_begin(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0}; /* nothing here need be durable */

    if (dir_make(&store->fs, layout_pulled_of(&path, name, TAGS), &dirty, err) < 0)
        return -1;
    return make_file(store, layout_pulled_of(&path, name, SINCE), err);
}

int pulled_record(const struct store *store, const struct name *name, const struct tag *tag,
                  struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_pulled(&path, name, tag), &st, err);
    if (found < 0)
        return -1;
    if (found) {
        /* The file system's clock may be ahead: time(3) is milliseconds behind, a host seconds. */
        time_t age = time(NULL) - st.st_mtime;
        if (age > -PULLED_EVERY && age < PULLED_EVERY)
            return 0;
        int touched = fs_touch(&store->fs, path.s, err);
        if (touched)
            return touched;
    }
    if (pulled_begin(store, name, err) < 0)
        return -1;
    return make_file(store, path.s, err) < 0 ? -1 : 1;
}

int pulled_time(const struct store *store, const struct name *name, const struct tag *tag,
                int64_t *when, struct err *err)
{
    struct layout_path path;

    return store_link_time(store, layout_pulled(&path, name, tag), when, err);
}

int pulled_since(const struct store *store, const struct name *name, int64_t *when, struct err *err)
{
    struct layout_path path;

    return store_link_time(store, layout_pulled_of(&path, name, SINCE), when, err);
}

int pulled_forget(const struct store *store, const struct name *name, const struct tag *tag,
                  struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    return fs_unlink(&store->fs, layout_pulled(&path, name, tag), &dirty, err);
}

/* A tag that is only damaged can be set again. */
static int sweep_tags(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    AUTO_STRINGS tags = {0};

    if (dir_list(&store->fs, layout_pulled_of(&path, name, TAGS), &tags, err) < 0)
        return -1;
    for (size_t i = 0; i < tags.n; i++) {
        struct tag tag;
        struct digest digest;
        if (tag_parse(&tag, tags.v[i], strlen(tags.v[i]), NULL) == 0 &&
            tag_get(store, name, &tag, &digest, NULL) == 0 &&
            pulled_forget(store, name, &tag, err) < 0)
            return -1;
    }
    return 0;
}

static int sweep_repository(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    int exists = repo_exists(store, name, err);
    if (exists)
        return exists < 0 ? -1 : sweep_tags(store, name, err);
    if (fs_unlink(&store->fs, layout_pulled_of(&path, name, SINCE), &dirty, err) < 0)
        return -1;
    return dir_remove_tree(&store->fs, layout_pulled_of(&path, name, TAGS), err) < 0 ? -1 : 0;
}

/* The depth is bounded by the length of a name. */
static int sweep_below(const struct store *store, const struct name *parent, struct err *err)
{
    char dir[sizeof LAYOUT_PULLED + 1 + NAME_LEN_MAX];
    AUTO_STRINGS children = {0};
    AUTO_DIRTY dirty = {0};
    const char *slash = parent->s[0] ? "/" : "";

    snprintf(dir, sizeof dir, LAYOUT_PULLED "%s%s", slash, parent->s);
    if (dir_list(&store->fs, dir, &children, err) < 0)
        return -1;
    for (size_t i = 0; i < children.n; i++) {
        char text[2 * NAME_LEN_MAX + 3];
        struct layout_path path;
        struct name name;
        int len = snprintf(text, sizeof text, "%s%s%s", parent->s, slash, children.v[i]);
        if (len < 0 || name_parse(&name, text, (size_t)len, NULL) < 0)
            continue;
        if (sweep_below(store, &name, err) < 0 || sweep_repository(store, &name, err) < 0 ||
            dir_remove(&store->fs, layout_pulled_of(&path, &name, NULL), &dirty, err) < 0)
            return -1;
    }
    return 0;
}

int pulled_sweep(const struct store *store, struct err *err)
{
    const struct name top = {""};

    return sweep_below(store, &top, err);
}
