/* SPDX-License-Identifier: Apache-2.0
 * L2: repositories. Owns repositories/<name>/_layers and repositories/<name>/_manifests/revisions.
 */
#include "store/repo.h"

#include "base/dir.h"
#include "base/dir_page.h"
#include "base/fs_settle.h"
#include "base/litter.h"
#include "store/holder.h"
#include "store/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int repo_create(const struct store *store, const struct name *name, struct dirty *dirty,
                struct err *err)
{
    struct layout_path path;

    if (dir_make(&store->fs, layout_layers(&path, name), dirty, err) < 0)
        return -1;
    return dir_make(&store->fs, layout_manifests(&path, name), dirty, err);
}

int repo_exists(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_layers(&path, name), &st, err);
    return found ? found : fs_stat(&store->fs, layout_manifests(&path, name), &st, err);
}

struct revision_search {
    const struct store *store;
    const struct name *name;
    enum digest_algorithm algorithm;
    int found;
    struct err *err;
};

/* Distribution leaves a revision's directory behind when it deletes the link. */
static bool revision_linked(void *context, const struct dir_entry *entry)
{
    struct revision_search *search = context;
    char link[DIGEST_HEX_MAX + sizeof "/" LAYOUT_LINK];
    struct digest digest;
    struct stat st;

    if (digest_from_hex(&digest, search->algorithm, entry->name, NULL) < 0)
        return false;
    snprintf(link, sizeof link, "%s/" LAYOUT_LINK, entry->name);
    if (!entry->is_directory)
        search->found = repo_has_revision(search->store, search->name, &digest, search->err);
    else if ((search->found = dir_peek(entry->dir, link, &st, search->err)) > 0)
        search->found = S_ISREG(st.st_mode);
    return search->found != 0;
}

int repo_has_manifests(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    struct revision_search search = {.store = store, .name = name, .err = err};

    for (int i = 0; i < DIGEST_ALGORITHMS && search.found == 0; i++) {
        search.algorithm = (enum digest_algorithm)i;
        layout_revisions(&path, name, search.algorithm);
        if (dir_look(&store->fs, path.s, revision_linked, &search, err) < 0)
            return -1;
    }
    return search.found;
}

int repo_has_layer(const struct store *store, const struct name *name, const struct digest *digest,
                   struct err *err)
{
    struct layout_path path;

    return store_has_link(store, layout_layer(&path, name, digest), err);
}

int repo_link_layer(const struct store *store, const struct name *name, const struct digest *digest,
                    struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    if (repo_create(store, name, dirty, err) < 0 ||
        store_write_link(store, layout_layer(&path, name, digest), digest, dirty, err) < 0)
        return -1;
    holder_note(store, name, digest, NULL); /* what is not noted is pushed instead of mounted */
    return 0;
}

int repo_place_layer(const struct store *store, const struct name *name,
                     const struct digest *digest, struct fs_new *link, struct dirty *dirty,
                     struct err *err)
{
    struct layout_path path;

    if (repo_create(store, name, dirty, err) < 0 ||
        fs_new_place(link, layout_layer(&path, name, digest), dirty, err) < 0)
        return -1;
    holder_note(store, name, digest, NULL);
    return 0;
}

int repo_unlink_layer(const struct store *store, const struct name *name,
                      const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return store_remove_link(store, layout_layer(&path, name, digest), dirty, err);
}

int repo_settle_layer(const struct store *store, const struct name *name,
                      const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_layer(&path, name, digest), dirty, err);
}

int repo_settle_revision(const struct store *store, const struct name *name,
                         const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return fs_settle(&store->fs, layout_revision(&path, name, digest), dirty, err);
}

int repo_sync_layer(const struct store *store, const struct name *name, const struct digest *digest,
                    struct err *err)
{
    struct layout_path path;

    return fs_sync_path(&store->fs, layout_layer(&path, name, digest), err);
}

int repo_sync_revision(const struct store *store, const struct name *name,
                       const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return fs_sync_path(&store->fs, layout_revision(&path, name, digest), err);
}

int repo_layer_is_stale(const struct store *store, const struct name *name,
                        const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_is_stale(store, layout_layer(&path, name, digest), err);
}

int repo_revision_is_stale(const struct store *store, const struct name *name,
                           const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_is_stale(store, layout_revision(&path, name, digest), err);
}

int repo_freshen_layer(const struct store *store, const struct name *name,
                       const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_freshen(store, layout_layer(&path, name, digest), err);
}

int repo_freshen_revision(const struct store *store, const struct name *name,
                          const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_freshen(store, layout_revision(&path, name, digest), err);
}

int repo_touch_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return fs_touch_anew(&store->fs, layout_revision(&path, name, digest), err);
}

int repo_has_revision(const struct store *store, const struct name *name,
                      const struct digest *digest, struct err *err)
{
    struct layout_path path;

    return store_has_link(store, layout_revision(&path, name, digest), err);
}

int repo_revision_time(const struct store *store, const struct name *name,
                       const struct digest *digest, int64_t *when, struct err *err)
{
    struct layout_path path;

    return store_link_time(store, layout_revision(&path, name, digest), when, err);
}

int repo_stamp_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct repo_stamp *stamp, struct err *err)
{
    struct layout_path path;
    struct stat st;

    int found = fs_stat(&store->fs, layout_revision(&path, name, digest), &st, err);
    if (found <= 0 || !S_ISREG(st.st_mode))
        return found < 0 ? -1 : 0;
    *stamp = (struct repo_stamp){st.st_ino, fs_mtime(&st)};
    return 1;
}

int repo_link_revision(const struct store *store, const struct name *name,
                       const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    if (repo_create(store, name, dirty, err) < 0)
        return -1;
    return store_write_link(store, layout_revision(&path, name, digest), digest, dirty, err);
}

int repo_place_revision(const struct store *store, const struct name *name,
                        const struct digest *digest, struct fs_new *link, struct dirty *dirty,
                        struct err *err)
{
    struct layout_path path;

    if (repo_create(store, name, dirty, err) < 0)
        return -1;
    return fs_new_place(link, layout_revision(&path, name, digest), dirty, err);
}

int repo_unlink_revision(const struct store *store, const struct name *name,
                         const struct digest *digest, struct dirty *dirty, struct err *err)
{
    struct layout_path path;

    return store_remove_link(store, layout_revision(&path, name, digest), dirty, err);
}

int repo_list_revisions(const struct store *store, const struct name *name,
                        enum digest_algorithm algorithm, struct strings *hex, struct err *err)
{
    struct layout_path path;

    return dir_list(&store->fs, layout_revisions(&path, name, algorithm), hex, err);
}

/* 0, or what visit returned. One that was removed right now is none. */
static int visit_revision(const struct store *store, const struct name *name,
                          const struct digest *digest, repo_visit_manifest_fn *visit, void *context,
                          struct err *err)
{
    int64_t when;

    int found = repo_revision_time(store, name, digest, &when, err);
    return found > 0 ? visit(context, digest, when, err) : found;
}

int repo_each_manifest(const struct store *store, const struct name *name,
                       repo_visit_manifest_fn *visit, void *context, struct err *err)
{
    int stop = 0;

    for (int i = 0; i < DIGEST_ALGORITHMS && stop == 0; i++) {
        AUTO_STRINGS hex = {0};
        const enum digest_algorithm algorithm = (enum digest_algorithm)i;
        if (repo_list_revisions(store, name, algorithm, &hex, err) < 0)
            return -1;
        for (size_t k = 0; k < hex.n && stop == 0; k++) {
            struct digest digest;
            if (digest_from_hex(&digest, algorithm, hex.v[k], NULL) == 0)
                stop = visit_revision(store, name, &digest, visit, context, err);
        }
    }
    return stop < 0 ? -1 : 0;
}

struct each_digest {
    const struct store *store;
    const struct name *name;
    enum digest_algorithm algorithm;
    bool revisions; /* or else layers */
    repo_visit_digest_fn *visit;
    void *context;
    int stop;
    struct err *err;
};

static bool visit_hex(void *context, const char *hex)
{
    struct each_digest *each = context;
    struct digest digest;

    if (digest_from_hex(&digest, each->algorithm, hex, NULL) < 0)
        return false;
    int linked = each->revisions ? repo_has_revision(each->store, each->name, &digest, each->err)
                                 : repo_has_layer(each->store, each->name, &digest, each->err);
    each->stop = linked > 0 ? each->visit(each->context, &digest, each->err) : linked;
    return each->stop != 0;
}

int repo_each_digest(const struct store *store, const struct name *name,
                     repo_visit_digest_fn *visit, void *context, struct err *err)
{
    struct each_digest each = {
        .store = store, .name = name, .visit = visit, .context = context, .err = err};

    for (int i = 0; i < 2 * DIGEST_ALGORITHMS && each.stop == 0; i++) {
        struct layout_path path;
        each.algorithm = (enum digest_algorithm)(i / 2);
        each.revisions = i % 2;
        if (each.revisions)
            layout_revisions(&path, name, each.algorithm);
        else
            layout_layers_of(&path, name, each.algorithm);
        if (dir_each(&store->fs, path.s, visit_hex, &each, err) < 0)
            return -1;
    }
    return each.stop < 0 ? -1 : 0;
}

struct walk {
    const struct store *store;
    const char *after;
    bool directories; /* all of them */
    size_t page;      /* about so many are wanted; 0: all */
    size_t most;      /* so many of each directory, whichever come first; 0: all, in order */
    repo_visit_fn *visit;
    repo_odd_fn *odd; /* NULL: what is odd is passed over */
    void *context;
};

static int walk_below(const struct walk *walk, const struct name *parent, struct err *err);

/* Passes an error on, unless it is only that there is a symbolic link. */
static int not_behind_link(const struct walk *walk, const char *path, const struct err *failure,
                           struct err *err)
{
    if (failure->sys == ELOOP)
        return walk->odd ? walk->odd(walk->context, path, err) : 0;
    return err_copy(err, failure);
}

/* What begins with an underscore is a part of a repository. */
static int pass_over(const struct walk *walk, const char *parent, const char *child,
                     struct err *err)
{
    char path[sizeof(struct layout_path)];
    struct stat st;

    if (!walk->odd || child[0] == '_')
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", parent, child) >= (int)sizeof path)
        return walk->odd(walk->context, parent, err);
    int found = fs_stat(&walk->store->fs, path, &st, err);
    if (found <= 0 || !(S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)) || litter_is(child, true))
        return found < 0 ? -1 : 0;
    return walk->odd(walk->context, path, err);
}

static int has_uploads(const struct store *store, const struct name *name, struct err *err)
{
    struct layout_path path;
    struct stat st;

    return fs_stat(&store->fs, layout_uploads(&path, name), &st, err);
}

struct inside {
    bool is_repository, has_children;
};

static bool look_inside(void *context, const struct dir_entry *entry)
{
    struct inside *inside = context;

    if (entry->name[0] != '_')
        inside->has_children = true;
    else if (entry->is_directory && (!strcmp(entry->name, LAYOUT_NAME_LAYERS) ||
                                     !strcmp(entry->name, LAYOUT_NAME_MANIFESTS)))
        inside->is_repository = true;
    return inside->has_children;
}

/* Whether it exists and has no other below it, as most: one look tells both. */
static bool is_leaf(const struct walk *walk, const struct name *name)
{
    struct inside inside = {false, false};
    struct layout_path path;

    layout_repository(&path, name);
    return !walk->odd && dir_look(&walk->store->fs, path.s, look_inside, &inside, NULL) > 0 &&
           inside.is_repository && !inside.has_children;
}

static int walk_one(const struct walk *walk, const struct name *name, struct err *err)
{
    int order = walk->after ? name_compare(name->s, walk->after) : 1;
    struct err failure;

    if (order > 0 && is_leaf(walk, name))
        return walk->visit(walk->context, name, err);
    if (order > 0) {
        int exists = walk->directories ? 1 : repo_exists(walk->store, name, &failure);
        if (exists < 0)
            return not_behind_link(walk, name->s, &failure, err);
        if (exists == 0 && walk->odd)
            exists = has_uploads(walk->store, name, &failure);
        int stop = exists > 0 ? walk->visit(walk->context, name, err) : 0;
        if (stop)
            return stop;
    } else if (order < 0 && !name_lies_below(walk->after, name->s)) {
        return 0;
    }
    return walk_below(walk, name, err);
}

/* What is not a repository's name, such as _layers, is passed over, and so is a symbolic link.
 * path: the directory of the parent. */
static int walk_child(const struct walk *walk, const struct name *parent, const char *path,
                      const char *child, struct err *err)
{
    char text[2 * NAME_LEN_MAX + 3];
    struct name name;

    int len = snprintf(text, sizeof text, "%s%s%s", parent->s, parent->s[0] ? "/" : "", child);
    if (len >= 0 && name_parse(&name, text, (size_t)len, NULL) == 0)
        return walk_one(walk, &name, err);
    return pass_over(walk, path, child, err);
}

static int walk_children(const struct walk *walk, const struct name *parent, const char *path,
                         const struct strings *children, struct err *err)
{
    int stop = 0;

    for (size_t i = 0; i < children->n && stop == 0; i++)
        stop = walk_child(walk, parent, path, children->v[i], err);
    return stop;
}

struct children {
    const struct walk *walk;
    const struct name *parent;
    const char *path;
    bool failed; /* below one of them */
};

static int visit_child(void *context, const char *child, struct err *err)
{
    struct children *children = context;

    int stop = walk_child(children->walk, children->parent, children->path, child, err);
    children->failed = stop < 0;
    return stop;
}

/* The children in pages: what lies below where `after` is, then what is behind. */
static int walk_pages(const struct walk *walk, const struct name *parent, const char *path,
                      struct err *err)
{
    struct children children = {walk, parent, path, false};
    char first[NAME_LEN_MAX + 1];
    struct err failure;
    bool begun = name_component_below(walk->after, parent, first);

    int stop = begun ? walk_child(walk, parent, path, first, err) : 0;
    if (stop)
        return stop;
    stop = dir_page_walk(&walk->store->fs, path, begun ? first : NULL, walk->page,
                         !walk->store->shared, visit_child, &children, &failure);
    if (stop < 0)
        return children.failed ? err_copy(err, &failure)
                               : not_behind_link(walk, path, &failure, err);
    return stop;
}

struct first {
    struct strings *names;
    size_t n;
};

static bool add_first(void *context, const char *name)
{
    struct first *first = context;

    strings_add(first->names, name);
    return first->names->n == first->n;
}

/* The depth is bounded by the length of a name. */
static int walk_below(const struct walk *walk, const struct name *parent, struct err *err)
{
    char path[sizeof LAYOUT_REPOSITORIES + 1 + NAME_LEN_MAX];
    AUTO_STRINGS children = {0};
    struct err failure;

    snprintf(path, sizeof path, LAYOUT_REPOSITORIES "%s%s", parent->s[0] ? "/" : "", parent->s);
    if (walk->page)
        return walk_pages(walk, parent, path, err);
    struct first first = {&children, walk->most};
    int listed = walk->most ? dir_each(&walk->store->fs, path, add_first, &first, &failure)
                            : dir_list(&walk->store->fs, path, &children, &failure);
    if (listed < 0)
        return not_behind_link(walk, path, &failure, err);
    return walk_children(walk, parent, path, &children, err);
}

int repo_walk_some(const struct store *store, size_t most, repo_visit_fn *visit, void *context,
                   struct err *err)
{
    struct walk walk = {.store = store, .most = most, .visit = visit, .context = context};
    struct name top = {""};

    return walk_below(&walk, &top, err) < 0 ? -1 : 0;
}

int repo_walk_page(const struct store *store, const char *after, size_t n, repo_visit_fn *visit,
                   void *context, struct err *err)
{
    struct walk walk = {.store = store,
                        .after = after && *after ? after : NULL,
                        .page = n + 1,
                        .visit = visit,
                        .context = context};
    struct name top = {""};

    return walk_below(&walk, &top, err) < 0 ? -1 : 0;
}

int repo_walk(const struct store *store, const char *after, repo_visit_fn *visit, void *context,
              struct err *err)
{
    return repo_walk_page(store, after, SIZE_MAX, visit, context, err); /* 0: no pages */
}

int repo_walk_all(const struct store *store, repo_visit_fn *visit, repo_odd_fn *odd, void *context,
                  struct err *err)
{
    struct walk walk = {.store = store, .visit = visit, .odd = odd, .context = context};
    struct name top = {""};

    return walk_below(&walk, &top, err) < 0 ? -1 : 0;
}

int repo_walk_directories(const struct store *store, repo_visit_fn *visit, void *context,
                          struct err *err)
{
    struct walk walk = {.store = store, .directories = true, .visit = visit, .context = context};
    struct name top = {""};

    return walk_below(&walk, &top, err) < 0 ? -1 : 0;
}
